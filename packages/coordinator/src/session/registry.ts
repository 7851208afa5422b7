import { sessionIdOf } from '@org/dte-identity';
import {
  DteError,
  type ErrorCode,
  LIMITS,
  type LimitValues,
  projectOf,
  sessionIdSchema,
} from '@org/dte-protocol';
import type { Logger } from 'pino';
import type { ArtifactStore } from '../artifacts/artifact-store';
import { type FileSystem, isNotFound } from '../files/file-system';
import type { DurationHistory } from '../history/durations';
import type { TaskHistory } from '../history/history';
import type { JournalHeader, JournalStore } from '../journal/journal';
import { loadReport, reportVersion, type StoredReport } from '../report/report-file';
import type { SessionNotes } from '../report/session-notes';
import { SessionReport } from '../report/session-report';
import type { Meter } from '../metrics/meter';
import type { SharedResults } from '../shared/shared-results';
import { keptLimits } from './driver';
import { type Refusal, RefusalBook } from './refusals';
import { makeRoom } from './room';
import { Session } from './session';
import { SessionDurations } from './session-durations';
import { SessionHistory } from './session-history';
import { SessionMarks } from './session-marks';

export interface RegistryDeps {
  /** `<dataDir>/sessions`. */
  readonly root: string;
  readonly fs: FileSystem;
  readonly journals: JournalStore;
  readonly artifacts: ArtifactStore;
  readonly history: TaskHistory;
  readonly durations: DurationHistory;
  readonly limits: LimitValues;
  readonly now: () => number;
  readonly logger: Logger;
  readonly onSessionFinished: (sessionId: string) => void;
  /** Keep what people can look at while a session runs. */
  readonly reports: boolean;
  /** Null: nobody writes notes into merge requests. */
  readonly notes?: SessionNotes | null;
  readonly meter?: Meter | undefined;
  /** Null: sessions share nothing. */
  readonly shared?: SharedResults | null;
}

/**
 * The sessions of a coordinator: in memory while they are open, on disk until nobody will ask any more. A finished
 * session without members is unloaded, and loaded again for the next client.
 */
export class SessionRegistry {
  readonly refusals = new RefusalBook();
  private readonly loaded = new Map<string, Promise<Session>>();
  private readonly open = new Map<string, Session>();
  private readonly unloading = new Map<string, Promise<void>>();
  private readonly removing = new Map<string, Promise<void>>();
  private readonly marked = new Set<string>();
  private readonly marks: SessionMarks;
  private closed = false;
  private draining = false;

  constructor(private readonly deps: RegistryDeps) {
    this.marks = new SessionMarks(deps.fs, this.folder);
  }

  /** No new sessions from now on; clients try again. */
  drain(): void {
    this.draining = true;
  }

  /** Sessions in memory. */
  current(): Session[] {
    return [...this.open.values()];
  }

  /**
   * Loads the sessions that were open when the last process ended, so that their deadlines are watched, and those whose note the
   * last process did not come to write.
   */
  async restore(): Promise<void> {
    for (const sessionId of await this.idsOnDisk()) {
      const isFinished = (await this.marks.finishedAtMs(sessionId)) !== null;
      if (isFinished && !(await this.noteIsDue(sessionId))) continue;
      // A damaged journal affects only its own session; clients of that session get the error.
      try {
        const session = await this.load(sessionId);
        if (session.isFinished) await this.changed(session);
      } catch (thrown) {
        this.deps.logger.error(
          { session: sessionIdOf(sessionId), err: thrown },
          'a session could not be restored',
        );
      }
    }
  }

  /** The session, created if there is none. For authenticated clients only, because it creates a folder. */
  async enter(sessionId: string): Promise<Session> {
    if (this.draining && !this.loaded.has(sessionId) && !(await this.exists(sessionId)))
      throw new DteError(
        'DTE_COORDINATOR_LOST',
        'The coordinator is about to end and begins no new session; the next one does.',
      );
    const { limits, now, logger } = this.deps;
    const [taken, open] = [this.loaded.keys(), this.open.values()];
    const unused = this.loaded.has(sessionId)
      ? null
      : makeRoom({ sessionId, taken, open, limits, nowMs: now() });
    // Synchronously: between check and loading, no other session may take the place.
    if (unused === null) return this.load(sessionId);
    logger.warn(
      { session: sessionIdOf(unused) },
      'session evicted: it was unused, and another one needs its place',
    );
    await this.discard(unused);
    return this.enter(sessionId);
  }

  /** The session; null if it does not exist (any more). */
  async find(sessionId: string): Promise<Session | null> {
    return this.loaded.has(sessionId) || (await this.exists(sessionId)) ? this.load(sessionId) : null;
  }

  /** See `SessionNotes`. */
  leaveNoteToMain(sessionId: string): void {
    this.deps.notes?.leaveToMain(sessionId);
  }

  /** The report of a session that is not in memory; null if none is stored. */
  storedReport(sessionId: string): Promise<StoredReport | null> {
    return loadReport(this.deps.fs, this.folder(sessionId));
  }

  /** See `reportVersion`. */
  storedReportVersion(sessionId: string): Promise<number | null> {
    return reportVersion(this.deps.fs, this.folder(sessionId));
  }

  readonly isOpen = (sessionId: string): boolean => this.open.has(sessionId);

  async exists(sessionId: string): Promise<boolean> {
    if (this.isOpen(sessionId)) return true;
    try {
      await this.deps.fs.stat(this.folder(sessionId));
      return true;
    } catch (thrown) {
      if (isNotFound(thrown)) return false;
      throw thrown;
    }
  }

  /** Records a rejected client, so that the main job can show it. */
  refuse(sessionId: string, name: string, error: DteError): void {
    const reason = { code: error.code, message: error.message };
    if (this.refusals.add(sessionId, { name, reason })) this.say(sessionId, { name, reason });
  }

  /** Counts a rejected unauthenticated client; the main job shows how many there are. */
  refuseStranger(sessionId: string, code: ErrorCode, address: string): void {
    const news = this.refusals.addStranger(sessionId, code, address, this.deps.now());
    if (news !== null) this.say(sessionId, news);
  }

  private say(sessionId: string, { name, reason }: Refusal): void {
    this.open.get(sessionId)?.refuse(name, reason);
  }

  /** Removes folders of sessions that were finished or abandoned long enough ago. */
  async sweep(): Promise<void> {
    let removed = 0;
    for (const sessionId of await this.idsOnDisk()) {
      if (this.closed || removed >= LIMITS.removalsPerSweep.value) return;
      if (!(await this.isDue(sessionId))) continue;
      await this.discard(sessionId);
      removed += 1;
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.allSettled([...this.loaded.values()].map(async (loading) => (await loading).close()));
    this.loaded.clear();
    this.open.clear();
  }

  /** Removes an unused session. A client that arrives during the removal waits, and then creates it again. */
  private discard(sessionId: string): Promise<void> {
    const removing = this.unload(sessionId)
      .then(() => this.remove(sessionId))
      .finally(() => this.removing.delete(sessionId));
    this.removing.set(sessionId, removing);
    return removing;
  }

  private load(sessionId: string): Promise<Session> {
    if (this.closed)
      return Promise.reject(new DteError('DTE_COORDINATOR_LOST', 'The coordinator is shutting down.'));
    const known = this.loaded.get(sessionId);
    if (known !== undefined) return known;
    const loading = this.begin(sessionId);
    this.loaded.set(sessionId, loading);
    loading.catch(() => this.loaded.delete(sessionId));
    return loading;
  }

  private async begin(sessionId: string): Promise<Session> {
    await this.unloading.get(sessionId);
    await this.removing.get(sessionId);
    const { fs, journals, artifacts, history, durations, limits, now, logger } = this.deps;
    const project = projectOf(sessionId);
    const journal = await journals.open(this.headerOf(sessionId));
    try {
      const folder = this.folder(sessionId);
      const onChange = (session: Session): void => {
        this.changed(session).catch((thrown: unknown) =>
          session.warn(thrown, 'the end of a session could not be recorded'),
        );
      };
      const session = await Session.open({
        sessionId,
        folder,
        fs,
        journal,
        artifacts,
        flakiness: new SessionHistory({ history, project, now, logger }),
        durations: new SessionDurations({ history: durations, project, now, logger }),
        limits,
        now,
        logger,
        onChange,
        report: await this.reportOf(sessionId),
        meter: this.deps.meter,
        shared: this.deps.shared ?? null,
      });
      if ((await this.marks.finishedAtMs(sessionId)) !== null) this.marked.add(sessionId);
      this.open.set(sessionId, session);
      for (const { name, reason } of this.refusals.of(sessionId)) session.refuse(name, reason);
      return session;
    } catch (thrown) {
      await journal.close();
      throw thrown;
    }
  }

  private async reportOf(sessionId: string): Promise<SessionReport | null> {
    const { fs, limits, now, logger, reports } = this.deps;
    if (!reports) return null;
    const name = sessionIdOf(sessionId);
    const onFailed = (thrown: unknown): void =>
      logger.warn(
        { session: name, err: thrown },
        'the report of a session is incomplete: it could not be stored, read or continued',
      );
    return SessionReport.open({ name, folder: this.folder(sessionId), fs, limits, now, onFailed });
  }

  private headerOf(sessionId: string): JournalHeader {
    return { version: 1, sessionId, config: keptLimits(this.deps.limits) };
  }

  /**
   * Keeps the mark on disk in step with the session. Unloads a session without members that is finished, or whose journal could
   * not be written: the next client loads what was written of it.
   */
  private async changed(session: Session): Promise<void> {
    const { id } = session;
    if (session.hasFailed) {
      if (session.isEmpty && this.open.get(id) === session) await this.unload(id);
      return;
    }
    if (!session.isFinished) {
      if (!this.marked.delete(id)) return;
      this.deps.notes?.forget(id);
      await this.marks.reopened(id);
      return;
    }
    if (!this.marked.has(id)) {
      this.marked.add(id);
      const isNoteDue = this.deps.notes?.finished(id) === true;
      // What the main job told is in no journal: after a crash, the note would say less than is known.
      if (isNoteDue) await session.report?.save();
      await this.marks.finished(id, this.deps.now(), isNoteDue);
    }
    if (!session.isOver || this.open.get(id) !== session) return;
    await this.unload(id);
    this.writeNote(session);
    this.deps.onSessionFinished(id);
  }

  /** In the background. */
  private writeNote(session: Session): void {
    const { id, report } = session;
    const { notes } = this.deps;
    if (report === null || notes == null) return;
    notes
      .over(id, report.now.model)
      .then((isDone) => (isDone ? this.marks.noteIsDone(id) : undefined))
      .catch((thrown: unknown) => session.warn(thrown, 'the note of a session may be written again'));
  }

  private async noteIsDue(sessionId: string): Promise<boolean> {
    const { notes } = this.deps;
    return notes != null && (await this.marks.noteIsDue(sessionId)) && notes.finished(sessionId);
  }

  private async unload(sessionId: string): Promise<void> {
    const session = this.open.get(sessionId);
    if (session === undefined) return;
    this.open.delete(sessionId);
    this.loaded.delete(sessionId);
    this.marked.delete(sessionId);
    this.deps.artifacts.unloadSession(sessionId);
    const closing = session.close().finally(() => this.unloading.delete(sessionId));
    this.unloading.set(sessionId, closing);
    await closing;
  }

  private async remove(sessionId: string): Promise<void> {
    await this.deps.artifacts.deleteSession(sessionId);
    await this.deps.fs.rm(this.folder(sessionId), { recursive: true, force: true });
    this.refusals.forget(sessionId);
    this.deps.notes?.forget(sessionId);
    this.deps.logger.info({ session: sessionIdOf(sessionId) }, 'session removed from disk');
  }

  private async isDue(sessionId: string): Promise<boolean> {
    const session = this.open.get(sessionId);
    if (session !== undefined && !session.isEmpty) return false;
    if (session === undefined && this.loaded.has(sessionId)) return false;
    const finishedAtMs = await this.marks.finishedAtMs(sessionId);
    if (finishedAtMs !== null) return this.deps.now() - finishedAtMs >= this.deps.limits.retainFinishedMs;
    const { mtimeMs } = await this.deps.fs.stat(this.folder(sessionId));
    return this.deps.now() - mtimeMs >= LIMITS.abandonedMs.value;
  }

  private async idsOnDisk(): Promise<string[]> {
    try {
      const names = await this.deps.fs.readdir(this.deps.root);
      return names.filter((name) => sessionIdSchema.safeParse(name).success);
    } catch (thrown) {
      if (isNotFound(thrown)) return [];
      throw thrown;
    }
  }

  private readonly folder = (sessionId: string): string => `${this.deps.root}/${sessionId}`;
}
