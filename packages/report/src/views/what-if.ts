import type { SessionModel } from '../model/model';
import { lanesOf, type Lane } from './lanes';
import { asItWas, type Crew, crewOf, ranOnAgents, sum, wallMs } from './wall-clock';

/** How long the commands would have taken. */
export interface Estimate {
  readonly agents: number;
  readonly wallMs: number;
}

/**
 * `same` is the estimate for the agents that there were: compare the others with it, and it with `actualMs` to see how far
 * estimates can be trusted here.
 */
export interface WhatIf {
  readonly actualMs: number;
  readonly same: Estimate;
  /** Without the agent that came last; null if there was only one. */
  readonly fewer: Estimate | null;
  /** With another one like the median one: as many slots, and there as soon. */
  readonly more: Estimate;
}

/**
 * An estimate of the time that all commands that are over would have taken with an agent more or less: list scheduling of the
 * same tasks, each as long as it was. What it leaves out: that other agents restore other outputs, tasks that must be alone
 * or on certain agents, agents that leave early, and that busier machines are slower. Null if nothing ran on agents.
 * @param lanes those of the model, for who has them already
 */
export function whatIfOf(model: SessionModel, lanes: readonly Lane[] = lanesOf(model)): WhatIf | null {
  const runs = model.runs.filter(({ endMs }) => endMs !== null);
  const byJoining = crewOf(model, lanes);
  if (!runs.some(({ tasks }) => tasks.some(ranOnAgents)) || byJoining.length === 0) return null;
  const wallOf = (agents: readonly Crew[]): number | null => {
    const each = runs.map((run) => wallMs(run, agents, asItWas));
    return each.some((ms) => ms === null) ? null : sum(each.map((ms) => ms ?? 0));
  };
  const estimate = (agents: readonly Crew[]): Estimate | null => {
    const ms = wallOf(agents);
    return ms === null ? null : { agents: agents.length, wallMs: ms };
  };
  const same = estimate(byJoining);
  const more = estimate([...byJoining, anotherOf(byJoining)]);
  if (same === null || more === null) return null;
  const actualMs = sum(runs.map(({ startMs, endMs }) => (endMs ?? startMs) - startMs));
  return { actualMs, same, fewer: byJoining.length > 1 ? estimate(byJoining.slice(0, -1)) : null, more };
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[(numbers.length - 1) >> 1] ?? 0;

const anotherOf = (crew: readonly Crew[]): Crew => ({
  joinedMs: median(crew.map(({ joinedMs }) => joinedMs)),
  slots: median(crew.map(({ slots }) => slots)),
});
