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
  /** The part of an agent that a task takes, up to 1, if agents pack. Default: one of its `parallel` slots. */
  readonly shareOf?: ((task: PlannedTask) => number) | undefined;
}

export interface Need {
  /** 0 if nothing is left for agents. */
  readonly agents: number;
  /** Tasks for agents. */
  readonly tasks: number;
  /** Their total duration. */
  readonly workMs: number;
}

/** Sums of fractions are not exact. */
const EPSILON = 1e-6;

/**
 * As many agents as have `minutesPerAgent` of work each, `parallel` tasks at a time; never more than could work at the
 * same time. Dependencies are ignored: they delay the work but do not add to it.
 */
export function agentsNeeded(
  tasks: readonly PlannedTask[],
  durations: DurationEstimator,
  { agentsMax, minutesPerAgent, parallel, shareOf = () => 1 / parallel }: Wish,
): Need {
  const toRun = tasks.filter(({ place }) => place === 'agents');
  let [workMs, agentMs, atOnce, alone] = [0, 0, 0, 0];
  for (const task of toRun) {
    const { ms } = durations.of(task);
    workMs += ms;
    // A task that runs alone on its machine takes all its slots.
    const share = task.alone ? 1 : shareOf(task);
    agentMs += ms * share;
    if (task.alone) alone += 1;
    else atOnce += share;
  }
  const most = alone + Math.ceil(atOnce - EPSILON);
  const wanted = Math.ceil(agentMs / (minutesPerAgent * MINUTE_MS) - EPSILON);
  return {
    agents: Math.min(Math.max(wanted, Math.sign(toRun.length)), most, agentsMax),
    tasks: toRun.length,
    workMs,
  };
}
