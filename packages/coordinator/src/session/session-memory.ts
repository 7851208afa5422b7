import type { RunSpec } from '@org/dte-protocol';
import type { HistoryEvent, SchedulerState } from '@org/dte-scheduler';
import type { SessionLog } from '../log/session-log';
import { ForwardedEnvs } from './forwarded-env';
import type { SessionImage } from './snapshot';

/**
 * What a session knows in addition to the state of its scheduler and what its journal leads to as well. Whatever is added here
 * and cannot be derived from the state has to be part of the image, or a restart from a snapshot forgets it.
 */
export class SessionMemory {
  readonly forwardedEnv = new ForwardedEnvs();
  /** Runs submitted, being written or replayed: the same id again is answered the same. */
  readonly submissions = new Map<string, Promise<void>>();
  private finished = false;

  constructor(private readonly log: SessionLog) {}

  get isFinished(): boolean {
    return this.finished;
  }

  /** Call this before the input of its submission is applied. */
  begin(spec: RunSpec, atMs: number): void {
    this.forwardedEnv.begin(spec);
    this.log.begin(spec, atMs);
  }

  note(events: readonly HistoryEvent[]): void {
    for (const event of events) {
      if (event.type === 'session.finished') this.finished = true;
      if (event.type === 'session.reopened') this.finished = false;
      if (event.type === 'run.ended') this.forwardedEnv.end(event.runId);
    }
  }

  image(state: SchedulerState): SessionImage {
    const { expected, over } = this.forwardedEnv.runs();
    const { agents, runs } = this.log.memory();
    // Copies: a run that is being submitted is noted in both before its input is applied, also while a snapshot is written.
    return {
      state,
      forwarding: { expected: new Set(expected), over: new Set(over) },
      log: { agents: new Map(agents), runs: new Map(runs) },
    };
  }

  resume({ state, forwarding, log }: SessionImage): void {
    this.forwardedEnv.resume(forwarding);
    this.log.resume(log);
    this.finished = state.session.phase === 'finished';
    for (const runId of state.runs.keys()) this.submissions.set(runId, Promise.resolve());
  }
}
