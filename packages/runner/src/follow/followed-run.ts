import type { Connection, ConnectionState } from '@org/dte-client';
import {
  DteError,
  type CoordinatorToMain,
  type LimitValues,
  type RendezvousReport,
  type RunLogEntry,
  type RunOutput,
  type RunSummary,
  type SessionInfo,
} from '@org/dte-protocol';
import { ReportWatch } from './report-watch';
import { Waiting, type WaitingEffect, type WaitingEvent } from './waiting';

export interface FollowOptions {
  readonly connection: Pick<Connection<CoordinatorToMain>, 'state' | 'onMessage' | 'onState' | 'send'>;
  readonly runId: string;
  /** The session's members, as last received before the run began. */
  readonly info: SessionInfo | null;
  /** Tasks that will have an ended entry. */
  readonly expected: number;
  readonly limits: Pick<LimitValues, 'coordinatorGraceMs' | 'agentWaitMs' | 'reportsPollMs'>;
  /** The first failure stops the run (--nxBail). Default: false. */
  readonly stopsAtFailure?: boolean;
  /** Reads the reports of agents that cannot connect to the coordinator. */
  readonly reports: () => Promise<readonly RendezvousReport[]>;
  readonly onEntry: (entry: RunLogEntry) => void;
  readonly onOutput: (output: RunOutput) => void;
  readonly onSession: (info: SessionInfo) => void;
}

/** Follows one run: passes events of its connection and the clock to `Waiting`, and does what that requests. */
export class FollowedRun {
  /** Resolves with null when the run is over, or with the reason why waiting makes no sense any more. */
  readonly over: Promise<DteError | null>;
  private settle: (outcome: DteError | null) => void = () => undefined;
  private readonly waiting: Waiting;
  private readonly removeListeners: readonly (() => void)[];
  private watch: ReportWatch | null = null;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: FollowOptions) {
    const { connection, runId, expected, limits, stopsAtFailure = false } = options;
    this.waiting = new Waiting({ runId, expected, limits, stopsAtFailure });
    this.over = new Promise((resolve) => (this.settle = resolve));
    this.removeListeners = [
      connection.onMessage((message) => this.onMessage(message)),
      connection.onState((state) => this.onState(state)),
    ];
    this.take({ type: 'begin', isConnected: connection.state.name === 'open' });
    if (options.info !== null && expected > 0) this.onMessage(options.info);
  }

  summary(): RunSummary {
    return this.waiting.summary(Date.now());
  }

  /** seq of the last received log entry. */
  get ackSeq(): number {
    return this.waiting.ackSeq;
  }

  /** Stops the run on the agents; `over` resolves when it has stopped. */
  cancel(): void {
    this.take({ type: 'cancel' });
  }

  private onMessage(message: CoordinatorToMain): void {
    if (message.type === 'run.output') {
      if (message.runId === this.options.runId) this.options.onOutput(message);
      return;
    }
    if (message.type === 'session.info') this.options.onSession(message);
    this.take({ type: 'message', message });
  }

  private onState(state: ConnectionState): void {
    switch (state.name) {
      case 'open':
      case 'connecting':
        return this.take({ type: 'connection', isOpen: state.name === 'open' });
      case 'failed':
        return this.take({ type: 'ended', error: state.error });
      case 'closed':
        return this.take({
          type: 'ended',
          error: new DteError('DTE_COORDINATOR_LOST', 'The connection to the coordinator was closed.'),
        });
    }
  }

  private take(event: WaitingEvent): void {
    for (const effect of this.waiting.take(event, Date.now())) this.perform(effect);
    clearTimeout(this.timer);
    const { wakeAtMs } = this.waiting;
    if (wakeAtMs !== null)
      this.timer = setTimeout(() => this.take({ type: 'tick' }), Math.max(1, wakeAtMs - Date.now()));
  }

  private perform(effect: WaitingEffect): void {
    const { connection, runId, onEntry } = this.options;
    switch (effect.type) {
      case 'hear':
        return onEntry(effect.entry);
      case 'sync': {
        const { ackSeq, want } = effect;
        connection.send({ type: 'main.sync', runId, ackSeq, want });
        return;
      }
      case 'watch-reports':
        this.watch ??= this.watchReports();
        return;
      case 'ignore-reports':
        this.watch?.stop();
        return;
      case 'over':
        this.watch?.stop();
        this.removeListeners.forEach((remove) => remove());
        return this.settle(effect.outcome);
    }
  }

  private watchReports(): ReportWatch {
    const { reports, limits } = this.options;
    return new ReportWatch({
      read: reports,
      everyMs: limits.reportsPollMs,
      onReports: (found) => this.take({ type: 'reports', reports: found }),
    });
  }
}
