import type { LimitValues, RunSpec } from '@org/dte-protocol';
import { type ForwardedEvents, ModelFold, type ReportEvent } from '@org/dte-report';
import { describe, entriesDeleted, isClosed, type SchedulerState } from '@org/dte-scheduler';
import type { FileSystem } from '../files/file-system';
import { inOurTime } from './clocks';
import { LiveOutput } from './live-output';
import { RecentEvents } from './recent-events';
import { loadReport, saveReport } from './report-file';
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
  private readonly fold: ModelFold;
  private readonly translation: Translation;
  private readonly recent: RecentEvents;
  private readonly listeners = new Set<() => void>();
  /** Events that wait until `still` has ended; null: nothing has to wait. */
  private held: ReportEvent[] | null = null;
  /** The end of all that needs the report as it is. */
  private calm: Promise<unknown> = Promise.resolve();
  private isFull = false;
  private isBroken = false;
  private closed = false;

  private constructor(
    private readonly options: SessionReportOptions,
    stored: Awaited<ReturnType<typeof loadReport>>,
  ) {
    const { limits, now, name } = options;
    this.output = new LiveOutput(limits);
    this.fold = stored === null ? new ModelFold() : ModelFold.resume(stored.model);
    this.bytes = stored?.bytes ?? 0;
    // Numbers of an earlier process, of which not all are known after a crash, must not come again: readers ask by number.
    this.recent = new RecentEvents(Math.max(now(), (stored?.seq ?? 0) + 1), limits.reportRecentBytes);
    this.translation = new Translation((event) => this.add(event), stored?.positions);
    if (stored === null) this.add({ type: 'session', atMs: now(), sessionId: name, pipeline: null });
  }

  /** Bytes of events so far, as JSON. */
  private bytes: number;

  /** Goes on with what is stored in the folder of the session, if anything is. */
  static async open(options: SessionReportOptions): Promise<SessionReport> {
    const stored = await loadReport(options.fs, options.folder).catch((thrown: unknown) => {
      options.onFailed?.(thrown);
      return null;
    });
    return new SessionReport(options, stored);
  }

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
    const result = this.calm.then(async () => {
      this.held = [];
      try {
        return await action(this.now);
      } finally {
        const waiting = this.held;
        this.held = null;
        for (const event of waiting) this.add(event);
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

  private add(event: ReportEvent): void {
    if (this.held !== null) this.held.push(event);
    else if (!this.isFull) this.put(event);
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

const FULL = (bytes: number): string =>
  `This report is not complete: its session has more than ${bytes} bytes of events (limit reportBytes, DTE_MAX_REPORT_BYTES).`;

const partial = (atMs: number, message: string): ReportEvent => ({
  type: 'message',
  atMs,
  reason: { code: 'DTE_REPORT_PARTIAL', message },
});
