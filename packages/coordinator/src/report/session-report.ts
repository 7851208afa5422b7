import type { LimitValues, RunSpec } from '@org/dte-protocol';
import { type ForwardedEvents, ModelFold, type ReportEvent } from '@org/dte-report';
import { describe, entriesDeleted, isClosed, type SchedulerState } from '@org/dte-scheduler';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FileSystem } from '../files/file-system';
import { inOurTime } from './clocks';
import { LiveOutput } from './live-output';
import { RecentEvents } from './recent-events';
import { openReport, type OpenedReport, saveReport } from './report-file';
import type { ReportNow } from './report-json';
import { type Step, Translation } from './translation';

export interface SessionReportOptions {
  /** The session's id for people. */
  readonly name: string;
  readonly folder: string;
  readonly fs: FileSystem;
  readonly limits: Pick<
    LimitValues,
    'reportBytes' | 'reportRecentBytes' | 'liveOutputBytes' | 'liveOutputTotalBytes'
  >;
  readonly now: () => number;
  /** The report could not be stored, read or continued, which changes nothing else. Default: nobody hears of it. */
  readonly onFailed?: (thrown: unknown) => void;
}

/** What one session's report is made of while the session is in memory. Nothing that it does changes the session. */
export class SessionReport {
  readonly output: LiveOutput;
  private fold: ModelFold;
  private readonly translation: Translation;
  private readonly recent: RecentEvents;
  private readonly listeners = new Set<() => void>();
  /** Events that wait until `still` or `catchUp` has ended; null: nothing has to wait. */
  private held: ReportEvent[] | null = null;
  private catchingUp: Promise<void> | null = null;
  /** The end of all that needs the report as it is. */
  private calm: Promise<unknown> = Promise.resolve();
  private isFull = false;
  private isBroken = false;
  private closed = false;

  private constructor(
    private readonly options: SessionReportOptions,
    private readonly stored: OpenedReport | null,
  ) {
    const { limits, now, name } = options;
    this.output = new LiveOutput(limits);
    this.fold = new ModelFold(stored?.model);
    this.bytes = stored?.bytes ?? 0;
    // Numbers of an earlier process, of which not all are known after a crash, must not come again: readers ask by number.
    this.recent = new RecentEvents(Math.max(now(), (stored?.seq ?? 0) + 1), limits.reportRecentBytes);
    this.translation = new Translation((event) => this.add(event), stored?.positions);
    if (stored === null) this.add({ type: 'session', atMs: now(), sessionId: name, pipeline: null });
    else this.held = [];
  }

  /** Bytes of events so far, as JSON. */
  private bytes: number;

  /** Goes on with what is stored in the folder of the session, if anything is: see `catchUp`. */
  static async open(options: SessionReportOptions): Promise<SessionReport> {
    const stored = await openReport(options.fs, options.folder).catch((thrown: unknown) => {
      options.onFailed?.(thrown);
      return null;
    });
    return new SessionReport(options, stored);
  }

  /**
   * Reads what is stored of the tasks, then takes the events that have come meanwhile. Until it resolves, the report lacks both. In many
   * turns of the event loop, and best when nobody waits for anything else. Never rejects: see `onFailed`.
   */
  catchUp(): Promise<void> {
    return (this.catchingUp ??= this.stored === null ? Promise.resolve() : this.fill(this.stored));
  }

  /** Complete only after `catchUp`. */
  get now(): ReportNow {
    return { seq: this.recent.lastSeq, model: this.fold.model };
  }

  /** False when the session has been unloaded: nothing follows. */
  get isOpen(): boolean {
    return !this.closed;
  }

  /** Call it right after each step. */
  step(step: Step): void {
    this.harmlessly(() => {
      this.translation.step(step);
      for (const event of step.effects.events)
        if (event.type === 'task.ended') this.output.ended(event.runId, event.taskId);
    });
  }

  /**
   * The session goes on from a snapshot. If the stored report does not reach as far, the report begins in the middle.
   * @param specOf reads the spec of a run that is not closed
   */
  async resume(state: SchedulerState, specOf: (runId: string) => Promise<RunSpec>): Promise<void> {
    const runs = describe(state).runs.map(({ runId }) => runId);
    const { positions } = this.translation;
    const isKnown = (runId: string): boolean =>
      positions[runId] !== undefined &&
      (isClosed(state, runId) || positions[runId] >= entriesDeleted(state, runId));
    if (runs.every(isKnown)) return;
    const specs: RunSpec[] = [];
    for (const runId of runs) if (!isClosed(state, runId)) specs.push(await specOf(runId));
    this.say(
      `This report begins at ${new Date(state.nowMs).toISOString()}: what happened before was summed up in the journal of the coordinator. Of tasks that had ended by then, only their result is known, and nothing of commands that were over.`,
    );
    this.harmlessly(() => this.translation.resume(state, specs, state.nowMs));
  }

  /** Takes what the main job tells. */
  take(told: ForwardedEvents, receivedMs: number): void {
    const { name } = this.options;
    for (const event of inOurTime(told, receivedMs))
      this.add(event.type === 'session' ? { ...event, sessionId: name } : event);
  }

  /** See `RecentEvents.after`. */
  after(seq: number, maxBytes: number): ReturnType<RecentEvents['after']> {
    return this.recent.after(seq, maxBytes);
  }

  /** Calls the listener when there are new events, and when nothing follows; returns what ends it. */
  onNews(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Does something that takes many turns of the event loop with the report as it is: events wait until it has ended. */
  still<T>(action: (now: ReportNow) => Promise<T>): Promise<T> {
    // One after another: where the translation is, the model has to be as well when the next one begins.
    const result = Promise.all([this.catchUp(), this.calm]).then(async () => {
      this.held = [];
      try {
        return await action(this.now);
      } finally {
        await this.release(this.held);
      }
    });
    this.calm = result.catch(() => undefined);
    return result;
  }

  /** Keeps the report, with all that is known by now, with its session. Never rejects: see `onFailed`. */
  async save(): Promise<void> {
    const { fs, folder, onFailed } = this.options;
    try {
      await this.still(({ seq, model }) => {
        const { positions } = this.translation;
        return saveReport(fs, folder, { seq, bytes: this.bytes, positions, model });
      });
    } catch (thrown) {
      onFailed?.(thrown);
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    this.output.close();
    await this.save();
    for (const listener of [...this.listeners]) listener();
  }

  private async fill(stored: OpenedReport): Promise<void> {
    const waiting = this.held ?? [];
    try {
      await stored.fill();
    } catch (thrown) {
      this.options.onFailed?.(thrown);
      waiting.unshift(partial(this.options.now(), DAMAGED));
    }
    this.fold = ModelFold.resume(stored.model);
    await this.release(waiting);
  }

  /** Takes the events that have waited, and those that come meanwhile: after a restart, these are some ten thousand. */
  private async release(waiting: readonly ReportEvent[]): Promise<void> {
    for (let from = 0; from < waiting.length; from += EVENTS_PER_TURN) {
      if (from > 0) await nextTurn();
      const events = waiting.slice(from, from + EVENTS_PER_TURN);
      this.harmlessly(() => events.forEach((event) => this.write(event)));
    }
    this.held = null;
  }

  private add(event: ReportEvent): void {
    if (this.held !== null) this.held.push(event);
    else this.write(event);
  }

  private write(event: ReportEvent): void {
    if (!this.isFull) this.put(event);
  }

  private put(event: ReportEvent): void {
    const json = JSON.stringify(event);
    this.bytes += json.length;
    if (this.bytes > this.options.limits.reportBytes) {
      this.isFull = true;
      this.apply(partial(this.options.now(), FULL(this.options.limits.reportBytes)));
      return;
    }
    this.apply(event, json);
  }

  /** A fault of the report is the end of the report, and of nothing else: jobs are waiting for the session. */
  private harmlessly(action: () => void): void {
    if (this.isBroken) return;
    try {
      action();
    } catch (thrown) {
      this.isBroken = true;
      this.options.onFailed?.(thrown);
    }
  }

  private say(message: string): void {
    this.add(partial(this.options.now(), message));
  }

  private apply(event: ReportEvent, json = JSON.stringify(event)): void {
    this.fold.apply(event);
    this.recent.add(json);
    for (const listener of this.listeners) listener();
  }
}

/** Events that are taken in one turn of the event loop: about 5 ms. No limit: smaller parts only take longer. */
const EVENTS_PER_TURN = 500;

const DAMAGED =
  'This report is not complete: what was stored of it before the coordinator was restarted is damaged.';

const FULL = (bytes: number): string =>
  `This report is not complete: its session has more than ${bytes} bytes of events (limit reportBytes, DTE_MAX_REPORT_BYTES).`;

const partial = (atMs: number, message: string): ReportEvent => ({
  type: 'message',
  atMs,
  reason: { code: 'DTE_REPORT_PARTIAL', message },
});
