import {
  DteError,
  type CoordinatorToMain,
  type LimitValues,
  type MainSync,
  type RendezvousReport,
  type RunLogEntry,
  type RunSummary,
  type RunUpdate,
  type SessionInfo,
} from '@org/dte-protocol';
import { judgeAvailability } from './availability';
import { RunFollower } from './run-follower';

/** How long acknowledgements wait for each other. Not a limit: nothing waits for an acknowledgement. */
const ACK_MS = 500;

export type WaitingEvent =
  /** The run is submitted and this job is ready for its updates. */
  | { readonly type: 'begin'; readonly isConnected: boolean }
  | { readonly type: 'message'; readonly message: CoordinatorToMain }
  | { readonly type: 'connection'; readonly isOpen: boolean }
  /** The connection has ended permanently. */
  | { readonly type: 'ended'; readonly error: DteError }
  /** Agents report that they cannot connect to the coordinator. */
  | { readonly type: 'reports'; readonly reports: readonly RendezvousReport[] }
  /** The run must be stopped. */
  | { readonly type: 'cancel' }
  /** `wakeAtMs` is reached. */
  | { readonly type: 'tick' };

export type WaitingEffect =
  | { readonly type: 'hear'; readonly entry: RunLogEntry }
  | { readonly type: 'sync'; readonly ackSeq: number; readonly want: MainSync['want'] }
  /** Start or stop checking for reports of agents. */
  | { readonly type: 'watch-reports' }
  | { readonly type: 'ignore-reports' }
  /** Null: the run is over. Else the reason why waiting makes no sense any more. Comes once. */
  | { readonly type: 'over'; readonly outcome: DteError | null };

export interface WaitingOptions {
  readonly runId: string;
  /** Tasks that will have an ended entry. */
  readonly expected: number;
  readonly limits: Pick<LimitValues, 'coordinatorGraceMs' | 'agentWaitMs'>;
  /** The first failure stops the run (--nxBail). */
  readonly stopsAtFailure: boolean;
}

const servesNow = ({ connected, draining, running }: SessionInfo['agents'][number]): boolean =>
  connected && (!draining || running.length > 0);

/**
 * Follows one run across lost connections, until it is over or waiting makes no sense any more. Pure: `take` gets an
 * event and its time, and returns what to do and when it must be called again.
 */
export class Waiting {
  private readonly log: RunFollower;
  private want: MainSync['want'] = 'follow';
  private heardAtMs = 0;
  private coordinatorGoneSinceMs: number | null = null;
  private agentsGoneSinceMs: number | null = null;
  private unreached: readonly RendezvousReport[] = [];
  /** An agent has connected. */
  private served = false;
  private ackAtMs: number | null = null;
  private askAgainAtMs: number | null = null;
  private isOver = false;
  private effects: WaitingEffect[] = [];
  private nowMs = 0;

  constructor(private readonly options: WaitingOptions) {
    this.log = new RunFollower(options.expected);
  }

  /** seq of the last received log entry. */
  get ackSeq(): number {
    return this.log.ackSeq;
  }

  /** When to give a `tick`; null: nothing is due. */
  get wakeAtMs(): number | null {
    if (this.isOver) return null;
    const due = [this.ackAtMs, this.askAgainAtMs].filter((atMs) => atMs !== null);
    return due.length === 0 ? null : Math.min(...due);
  }

  /** Some time after the report: running tasks have continued since. */
  summary(nowMs: number): RunSummary {
    const { summary } = this.log;
    const oldest = summary.oldestRunning;
    if (oldest === null) return summary;
    return { ...summary, oldestRunning: { ...oldest, forMs: oldest.forMs + nowMs - this.heardAtMs } };
  }

  take(event: WaitingEvent, nowMs: number): WaitingEffect[] {
    this.nowMs = nowMs;
    this.effects = [];
    if (!this.isOver) {
      this.on(event);
      this.judge();
    } else if (event.type === 'cancel') this.cancel();
    return this.effects;
  }

  private on(event: WaitingEvent): void {
    switch (event.type) {
      case 'begin':
        return this.onBegin(event.isConnected);
      case 'message':
        return this.onMessage(event.message);
      case 'connection':
        return this.onConnection(event.isOpen);
      case 'ended':
        return this.end(event.error);
      case 'reports':
        this.unreached = event.reports;
        return;
      case 'cancel':
        return this.cancel();
      case 'tick':
        if (this.ackAtMs !== null && this.nowMs >= this.ackAtMs) this.sync();
        return;
    }
  }

  private onBegin(isConnected: boolean): void {
    this.heardAtMs = this.nowMs;
    this.coordinatorGoneSinceMs = isConnected ? null : this.nowMs;
    this.agentsGoneSinceMs = this.nowMs;
    if (this.options.expected === 0) this.end(null);
    else this.sync();
  }

  private onMessage(message: CoordinatorToMain): void {
    switch (message.type) {
      case 'run.update':
        if (message.runId === this.options.runId) this.onUpdate(message);
        return;
      case 'session.info':
        return this.onSession(message);
      case 'error':
        if (message.reason.code === 'DTE_UNKNOWN_RUN')
          this.end(new DteError(message.reason.code, message.reason.message));
        return;
      case 'run.output':
        return;
    }
  }

  private onUpdate(update: RunUpdate): void {
    const news = this.log.take(update);
    this.heardAtMs = this.nowMs;
    for (const entry of news.entries) this.effects.push({ type: 'hear', entry });
    const hasFailed = news.entries.some((entry) => entry.type === 'ended' && entry.status === 'failure');
    if (hasFailed && this.options.stopsAtFailure) this.cancel();
    if (news.gap) this.sync();
    // An acknowledgement only lets the coordinator delete entries: nothing waits for it.
    else if (news.entries.length > 0) this.ackAtMs ??= this.nowMs + ACK_MS;
    if (news.over) this.end(null);
    else if (update.summary.agents > 0) {
      this.agentsHeardOf(true);
      this.agentsGoneSinceMs = null;
    }
  }

  private onSession(info: SessionInfo): void {
    // The worker of another command serves only that command.
    const agents = info.agents.filter(({ onlyRun = this.options.runId }) => onlyRun === this.options.runId);
    this.agentsHeardOf(agents.length > 0);
    const isPresent = agents.some(servesNow);
    // No agent joins a session that is over: waiting would be useless.
    if (info.state === 'finished' && !isPresent)
      this.end(
        new DteError(
          'DTE_SESSION_FINISHED',
          'the session is finished and its agents have left; the main job runs the remaining tasks itself',
        ),
      );
    else this.agentsGoneSinceMs = isPresent ? null : (this.agentsGoneSinceMs ?? this.nowMs);
  }

  private onConnection(isOpen: boolean): void {
    if (!isOpen) {
      this.coordinatorGoneSinceMs ??= this.nowMs;
      return;
    }
    this.coordinatorGoneSinceMs = null;
    // Agents must reconnect as well; their wait restarts.
    if (this.agentsGoneSinceMs !== null) this.agentsGoneSinceMs = this.nowMs;
    this.sync();
  }

  /** After an agent has connected, agents can reach this job, and reports to the contrary are exceptions. */
  private agentsHeardOf(some: boolean): void {
    if (some) {
      this.served = true;
      this.unreached = [];
      this.effects.push({ type: 'ignore-reports' });
    } else if (!this.served) this.effects.push({ type: 'watch-reports' });
  }

  private cancel(): void {
    this.want = 'cancel';
    this.sync();
  }

  private sync(): void {
    this.ackAtMs = null;
    this.effects.push({ type: 'sync', ackSeq: this.log.ackSeq, want: this.want });
  }

  private judge(): void {
    if (this.isOver) return;
    const { coordinatorGoneSinceMs, agentsGoneSinceMs, unreached, nowMs } = this;
    const presence = { coordinatorGoneSinceMs, agentsGoneSinceMs, unreached };
    const verdict = judgeAvailability(presence, this.options.limits, nowMs);
    if (verdict.kind === 'give-up') this.end(verdict.error);
    else this.askAgainAtMs = verdict.askAgainAtMs;
  }

  private end(outcome: DteError | null): void {
    if (this.isOver) return;
    this.isOver = true;
    this.effects.push({ type: 'over', outcome });
  }
}
