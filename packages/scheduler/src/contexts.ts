import type { EffectsBuilder } from './effects-builder';
import type { Lease } from './lease';
import type { RunState, SchedulerState } from './state';

/** One run during a step: its changes, and where to put messages about them. */
export interface RunContext {
  readonly state: SchedulerState;
  readonly run: RunState;
  readonly out: EffectsBuilder;
}

/** One attempt during a step. */
export interface AttemptContext extends RunContext {
  readonly lease: Lease;
}
