import { sessionIdOf, sessionKey } from '@org/dte-identity';
import { DteError } from '@org/dte-protocol';
import { noteOf, type SessionModel } from '@org/dte-report';
import type { Logger } from 'pino';

/** Notes that are written at a time: GitLab answers others as well. */
const AT_ONCE = 4;
/** Notes that wait. Each may have some 300 kB of text, and a GitLab that does not answer takes `noteMs` for each. */
const MOST_WAITING = 200;

/** What is to be written about a session that is over. */
export interface PipelineNote {
  /** Project and pipeline of the session: those of the id tokens with which its members joined it, not what they say otherwise. */
  readonly projectId: string;
  readonly pipelineId: string;
  /** Separates the notes of several main jobs of a pipeline: letters, digits, `.`, `_` and `-`. */
  readonly name: string;
  /** All commands of the session passed. */
  readonly isGreen: boolean;
  /** GitLab Flavored Markdown; what it says is what the jobs of the pipeline said. */
  readonly text: string;
  /** False: the session had no command. */
  readonly hasCommands: boolean;
}

/** Writes into merge requests. Has to end by itself: a service must not collect requests that hang. */
export interface NoteWriter {
  /** The GitLab instance of the merge requests, as in id tokens. Sessions of other instances have no note. */
  readonly issuer: string;
  /**
   * @returns what was done, for the log; null: nothing
   * @throws DteError
   */
  write(note: PipelineNote): Promise<string | null>;
}

interface SessionNotesOptions {
  readonly writer: NoteWriter;
  readonly logger: Logger;
  /** Address of the report of a session, for people; null if they cannot sign in there. */
  readonly reportUrl: (sessionKey: string) => string | null;
}

interface Waiting {
  readonly note: PipelineNote;
  /** For people. */
  readonly session: string;
  /** See `SessionNotes.over`. */
  readonly settle: (isDone: boolean) => void;
}

/**
 * Has a note written about each session that is over. In the background: no session waits for it, and what fails is one line in the
 * log. Notes of one project are written one after another, because two writers that find none would both create one. Who calls it
 * keeps on disk which notes are due: what is not written when the process ends is written by the next one.
 */
export class SessionNotes {
  /** Sessions that have finished and have no note yet. */
  private readonly due = new Set<string>();
  /** Sessions whose main job writes the note. */
  private readonly left = new Set<string>();
  private readonly waiting: Waiting[] = [];
  /** By project. */
  private readonly writing = new Map<string, Promise<void>>();
  private closed = false;

  constructor(private readonly options: SessionNotesOptions) {}

  /** @returns a note is due when the session is over: remember this until `over` says that nothing is left to do */
  finished(sessionKey: string): boolean {
    if (this.left.has(sessionKey) || pipelineOf(sessionKey, this.options.writer.issuer) === null)
      return false;
    this.due.add(sessionKey);
    return true;
  }

  /** It is not over, or nobody will ask for it any more. */
  forget(sessionKey: string): void {
    this.due.delete(sessionKey);
    this.left.delete(sessionKey);
  }

  leaveToMain(sessionKey: string): void {
    this.left.add(sessionKey);
  }

  /**
   * Call it when a finished session has no members any more, so that nothing is added to its report. Never rejects.
   * @returns true: nothing is left to do; false: this process ends before the note is written
   */
  async over(sessionKey: string, model: SessionModel): Promise<boolean> {
    const isDue = this.due.has(sessionKey);
    if (isDue && this.closed) return false;
    this.forget(sessionKey);
    if (!isDue) return true;
    try {
      // It may have been reopened, and have finished again, in the meantime.
      return (await this.add(sessionKey, model)) && !this.due.has(sessionKey);
    } catch (thrown) {
      this.failed(sessionIdOf(sessionKey), thrown);
      return true;
    }
  }

  /** Writes no more; resolves when those that are being written have ended. */
  async close(): Promise<void> {
    this.closed = true;
    for (const { settle } of this.waiting.splice(0)) settle(false);
    await Promise.all(this.writing.values());
  }

  private add(sessionKey: string, model: SessionModel): Promise<boolean> {
    const { writer, reportUrl } = this.options;
    const pipeline = pipelineOf(sessionKey, writer.issuer);
    if (pipeline === null) return Promise.resolve(true);
    if (this.waiting.length >= MOST_WAITING)
      throw new DteError(
        'DTE_TOO_MANY',
        `The note of the merge request was not written: ${MOST_WAITING} others wait.`,
      );
    // Of the commit, there is only the word of a job.
    const context = { jobFailed: null, jobUrl: null, reportUrl: reportUrl(sessionKey), commit: null };
    const note = { ...noteOf(model, context), ...pipeline };
    return new Promise((settle) => {
      this.waiting.push({ note, session: sessionIdOf(sessionKey), settle });
      this.writeNext();
    });
  }

  private writeNext(): void {
    while (this.writing.size < AT_ONCE) {
      const at = this.waiting.findIndex(({ note }) => !this.writing.has(note.projectId));
      const [next] = at < 0 ? [] : this.waiting.splice(at, 1);
      if (next === undefined) return;
      const { projectId } = next.note;
      const writing = this.write(next).then(() => {
        this.writing.delete(projectId);
        this.writeNext();
      });
      this.writing.set(projectId, writing);
    }
  }

  /** Never rejects. */
  private async write({ session, note, settle }: Waiting): Promise<void> {
    try {
      const done = await this.options.writer.write(note);
      if (done !== null) this.options.logger.info({ session }, done);
    } catch (thrown) {
      this.failed(session, thrown);
    }
    settle(true);
  }

  /** The message only: what else an error has may contain a request, and so the token. */
  private failed(session: string, thrown: unknown): void {
    const { code, message } = DteError.from(thrown);
    this.options.logger.warn({ session, code }, message);
  }
}

type Pipeline = Pick<PipelineNote, 'projectId' | 'pipelineId' | 'name'>;

/** Null for a session that is not one of a pipeline of this instance, verified by id tokens. */
function pipelineOf(key: string, issuer: string): Pipeline | null {
  const id = sessionIdOf(key);
  // As `requireOwnSession` compares it with the id token, and `sessionKey` adds the instance.
  const [, projectId, pipelineId, name = 'main'] = /^([0-9]{1,20})-([0-9]{1,18})(?:-(.+))?$/.exec(id) ?? [];
  if (projectId === undefined || pipelineId === undefined || sessionKey(issuer, id) !== key) return null;
  return { projectId, pipelineId, name };
}
