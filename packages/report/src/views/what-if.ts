import type { AgentModel, AttemptModel, RunModel, SessionModel, TaskModel } from '../model/model';
import { listSchedule, type Job } from './list-schedule';
import { lanesOf, type Lane } from './lanes';
import { spanOf } from './phases';

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

interface Crew {
  readonly joinedMs: number;
  readonly slots: number;
}

/**
 * An estimate of the time that all commands that are over would have taken with an agent more or less: list scheduling of the
 * same tasks, each as long as it was. What it leaves out: that other agents restore other outputs, tasks that must be alone
 * or on certain agents, agents that leave early, and that busier machines are slower. Null if nothing ran on agents.
 * @param lanes those of the model, for who has them already
 */
export function whatIfOf(model: SessionModel, lanes: readonly Lane[] = lanesOf(model)): WhatIf | null {
  const runs = model.runs.filter(({ endMs }) => endMs !== null);
  const crew = model.agents.map((agent, index): AgentModel & Crew => {
    const seen = lanes.filter((lane) => lane.agent === index && lane.bars.length > 0).length;
    return { ...agent, slots: agent.slots ?? Math.max(1, seen) };
  });
  if (!runs.some(({ tasks }) => tasks.some(ranOnAgents)) || crew.length === 0) return null;
  const wallOf = (agents: readonly Crew[]): number | null => {
    const each = runs.map((run) => wallMs(run, agents));
    return each.some((ms) => ms === null) ? null : sum(each.map((ms) => ms ?? 0));
  };
  const estimate = (agents: readonly Crew[]): Estimate | null => {
    const ms = wallOf(agents);
    return ms === null ? null : { agents: agents.length, wallMs: ms };
  };
  const byJoining = crew.toSorted((a, b) => a.joinedMs - b.joinedMs);
  const same = estimate(byJoining);
  const more = estimate([...byJoining, anotherOf(byJoining)]);
  if (same === null || more === null) return null;
  const actualMs = sum(runs.map(({ startMs, endMs }) => (endMs ?? startMs) - startMs));
  return { actualMs, same, fewer: crew.length > 1 ? estimate(byJoining.slice(0, -1)) : null, more };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

const onAgent = ({ agent }: AttemptModel): boolean => agent !== null;
const ranOnAgents = ({ attempts }: TaskModel): boolean => attempts.some(onAgent);

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[(numbers.length - 1) >> 1] ?? 0;

const anotherOf = (crew: readonly Crew[]): Crew => ({
  joinedMs: median(crew.map(({ joinedMs }) => joinedMs)),
  slots: median(crew.map(({ slots }) => slots)),
});

function wallMs(run: RunModel, crew: readonly Crew[]): number | null {
  const endMs = run.endMs ?? run.startMs;
  const agent = crew.flatMap(({ joinedMs, slots }) =>
    Array.from({ length: slots }, () => Math.max(0, joinedMs - run.startMs)),
  );
  const main = Array.from({ length: run.parallel }, () => 0);
  const scheduled = listSchedule(
    run.tasks.map((task) => jobOf(task, endMs)),
    { agent, main },
  );
  return scheduled === null ? null : scheduled + tailMs(run, endMs);
}

/** A task takes its slot for all its attempts, one after the other. */
function jobOf({ attempts, dependencies }: TaskModel, nowMs: number): Job {
  const lengthOf = (attempt: AttemptModel): number => {
    const { startMs, endMs } = spanOf(attempt, nowMs);
    return endMs - startMs;
  };
  const place = attempts.length === 0 ? 'nowhere' : attempts.some(onAgent) ? 'agent' : 'main';
  return { durationMs: sum(attempts.map(lengthOf)), place, dependencies };
}

/** What comes after the last attempt is the same with any number of agents: its outputs are restored, and the command ends. */
function tailMs({ startMs, tasks }: RunModel, endMs: number): number {
  const ends = tasks.flatMap(({ attempts }) => attempts.map((attempt) => spanOf(attempt, endMs).endMs));
  return Math.max(0, endMs - ends.reduce((latest, end) => Math.max(latest, end), startMs));
}
