import type { EffectsBuilder } from './effects-builder';
import type { Lease, RunState, SchedulerState } from './state';

/** One run in the middle of a step: what is changed, and where to say what that means for others. */
export interface RunContext {
  readonly state: SchedulerState;
  readonly run: RunState;
  readonly out: EffectsBuilder;
}

/** One attempt in the middle of a step. */
export interface AttemptContext extends RunContext {
  readonly lease: Lease;
}
