import type { DurationEstimator } from '../durations/estimator';
import type { PlannedTask } from './planned-work';

/** A unit. */
const MINUTE_MS = 60_000;

export interface Wish {
  readonly agentsMax: number;
  /** How long each agent should have work. */
  readonly minutesPerAgent: number;
  /** Tasks at a time on each agent. */
  readonly parallel: number;
}

export interface Need {
  /** 0 if nothing is left for agents. */
  readonly agents: number;
  /** Tasks for agents. */
  readonly tasks: number;
  /** Their total duration. */
  readonly workMs: number;
}

/**
 * As many agents as have `minutesPerAgent` of work each, `parallel` tasks at a time; never more than could work at the
 * same time. Dependencies are ignored: they delay the work but do not add to it.
 */
export function agentsNeeded(
  tasks: readonly PlannedTask[],
  durations: DurationEstimator,
  { agentsMax, minutesPerAgent, parallel }: Wish,
): Need {
  const toRun = tasks.filter(({ place }) => place === 'agents');
  let [workMs, slotMs, shared, alone] = [0, 0, 0, 0];
  for (const task of toRun) {
    const { ms } = durations.of(task);
    workMs += ms;
    // A task that runs alone on its machine takes all its slots.
    slotMs += task.alone ? ms * parallel : ms;
    if (task.alone) alone += 1;
    else shared += 1;
  }
  const atOnce = alone + Math.ceil(shared / parallel);
  const wanted = Math.ceil(slotMs / (minutesPerAgent * MINUTE_MS * parallel));
  return { agents: Math.min(wanted, atOnce, agentsMax), tasks: toRun.length, workMs };
}
