import { type LimitValues, type Reason, type DteError, explain } from '@org/dte-protocol';
import { type ConnectionState } from '@org/dte-client';
import { type SignalSource } from './ports';
import { type Supervisor } from './supervisor';

/** How an agent exits. */
export interface Outcome {
  readonly exitCode: 0 | 1;
  /** The last message; empty if nothing is left to say. */
  readonly line: string;
}

export interface LeavingOptions {
  readonly limits: Pick<
    LimitValues,
    'agentIdleMs' | 'coordinatorGraceMs' | 'drainMs' | 'finalReportMs' | 'killMs'
  >;
  readonly supervisor: Pick<Supervisor, 'active' | 'listed' | 'drain' | 'handBack'>;
  readonly signals: SignalSource;
  note(line: string): void;
}

/** Decides when an agent leaves, and why. `decided` resolves once. */
export class Leaving {
  readonly decided: Promise<Outcome>;
  private decide: (outcome: Outcome) => void = () => undefined;
  private connected = false;
  private everConnected = false;
  private stopReason: Reason | null = null;
  private draining: Outcome | null = null;
  private over = false;
  private readonly timers = new Map<'lost' | 'idle' | 'drain' | 'report', NodeJS.Timeout>();
  private readonly onSigterm = () => this.onSignal('SIGTERM');
  private readonly onSigint = () => this.onSignal('SIGINT');

  constructor(private readonly options: LeavingOptions) {
    this.decided = new Promise((resolve) => (this.decide = resolve));
    options.signals.on('SIGTERM', this.onSigterm);
    options.signals.on('SIGINT', this.onSigint);
    this.watchConnection();
    this.watchIdleness();
  }

  /** The state of the connection changed. */
  onConnection(state: ConnectionState): void {
    if (state.name === 'failed') this.onRefused(state.error);
    this.connected = state.name === 'open';
    this.everConnected ||= this.connected;
    this.watchConnection();
    this.onChange();
  }

  /** Whether the agent should leave when nothing is listed, according to the coordinator. */
  onStop(reason: Reason | null): void {
    this.stopReason = reason;
    this.onChange();
  }

  /** The agent's work changed. */
  onChange(): void {
    const { supervisor } = this.options;
    this.watchIdleness();
    if (this.draining !== null) {
      if (supervisor.active > 0) return;
      if (supervisor.listed === 0 || !this.connected) this.decide(this.draining);
      else
        this.after('report', this.options.limits.finalReportMs, () =>
          this.decide(this.draining ?? { exitCode: 0, line: '' }),
        );
    } else if (this.stopReason !== null && supervisor.listed === 0) {
      this.decide({ exitCode: 0, line: `dte: done, leaving: ${this.stopReason.message}` });
    }
  }

  /** No executor can be started: reports that after the listed attempts were returned. */
  useless(reason: Reason): void {
    this.draining ??= { exitCode: 1, line: explain(reason.code, reason.message) };
    this.onChange();
  }

  /** Nothing answers at the coordinator's address, and the main job was informed as far as possible. */
  unreachable(error: DteError): void {
    this.decide({ exitCode: 1, line: error.explain() });
  }

  /** Releases timers and signal listeners. */
  close(): void {
    this.over = true;
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.options.signals.off('SIGTERM', this.onSigterm);
    this.options.signals.off('SIGINT', this.onSigint);
  }

  private onRefused(error: DteError): void {
    this.decide(
      error.code === 'DTE_SESSION_FINISHED'
        ? { exitCode: 0, line: `dte: ${error.message}` }
        : { exitCode: 1, line: error.explain() },
    );
  }

  private onSignal(signal: string): void {
    const { limits, supervisor } = this.options;
    const { active } = supervisor;
    if (this.timers.has('drain')) {
      this.options.note(`dte: ${signal} again, returning the running tasks`);
      supervisor.handBack();
      return;
    }
    this.options.note(
      `dte: ${signal}: taking no new tasks, ${active} to finish within ${limits.drainMs / 1000} s`,
    );
    this.draining ??= { exitCode: 0, line: 'dte: stopped' };
    this.after('drain', limits.drainMs, () => {
      supervisor.handBack();
      // Whatever hangs now is ended with the executors themselves.
      this.after('report', limits.killMs + limits.finalReportMs, () =>
        this.decide({ exitCode: 0, line: 'dte: stopped' }),
      );
    });
    supervisor.drain();
  }

  /**
   * The agent waits for a main job that has not started yet. A main job that has been gone for longer than main jobs
   * wait for a coordinator was cancelled or killed, or now runs its work itself.
   */
  private watchConnection(): void {
    const { agentIdleMs, coordinatorGraceMs } = this.options.limits;
    if (this.connected) this.stopTimer('lost');
    else if (!this.timers.has('lost'))
      this.after('lost', this.everConnected ? coordinatorGraceMs : agentIdleMs, () => this.onLost());
  }

  private onLost(): void {
    const { agentIdleMs, coordinatorGraceMs } = this.options.limits;
    const line = this.everConnected
      ? `dte: the coordinator was unavailable for ${coordinatorGraceMs / 1000} s (DTE_COORDINATOR_GRACE_MS): its main job has ended or was stopped; leaving`
      : `dte: no coordinator was found for ${agentIdleMs / 1000} s, leaving (DTE_AGENT_IDLE_MS)`;
    this.decide({ exitCode: 0, line });
  }

  private watchIdleness(): void {
    if (this.options.supervisor.active > 0) this.stopTimer('idle');
    else if (!this.timers.has('idle')) {
      const { agentIdleMs } = this.options.limits;
      this.after('idle', agentIdleMs, () =>
        this.decide({
          exitCode: 0,
          line: `dte: nothing to do for ${agentIdleMs / 1000} s, leaving (DTE_AGENT_IDLE_MS)`,
        }),
      );
    }
  }

  /** The first deadline under a name stays. */
  private after(name: 'lost' | 'idle' | 'drain' | 'report', ms: number, then: () => void): void {
    if (!this.over && !this.timers.has(name)) this.timers.set(name, setTimeout(then, ms));
  }

  private stopTimer(name: 'lost' | 'idle'): void {
    clearTimeout(this.timers.get(name));
    this.timers.delete(name);
  }
}
