import type { AgentModel, AttemptModel, RunModel, SessionModel, TaskModel } from '../model/model';
import { lanesOf, type Lane } from './lanes';
import { listSchedule, type Job } from './list-schedule';
import { spanOf } from './phases';

/** An agent, as far as a schedule depends on it. */
export interface Crew {
  readonly joinedMs: number;
  readonly slots: number;
}

/** How long a task takes its slot, in ms. */
export type LengthOf = (task: TaskModel, nowMs: number) => number;

export const sum = (numbers: readonly number[]): number =>
  numbers.reduce((total, number) => total + number, 0);

const onAgent = ({ agent }: AttemptModel): boolean => agent !== null;
export const ranOnAgents = ({ attempts }: TaskModel): boolean => attempts.some(onAgent);

/**
 * The agents that there were, in the order in which they came.
 * @param known the lanes of the model, for who has them already
 */
export function crewOf(model: SessionModel, known?: readonly Lane[]): Crew[] {
  // Ten thousand tasks take a while, and only an agent that never told its slots needs them.
  const isTold = model.agents.every(({ slots }) => slots !== null);
  const lanes = isTold ? [] : (known ?? lanesOf(model));
  const slotsOf = ({ slots }: AgentModel, index: number): number =>
    slots ?? Math.max(1, lanes.filter((lane) => lane.agent === index && lane.bars.length > 0).length);
  return model.agents
    .map((agent, index) => ({ joinedMs: agent.joinedMs, slots: slotsOf(agent, index) }))
    .sort((a, b) => a.joinedMs - b.joinedMs);
}

/** A task takes its slot for all its attempts, one after the other; what ran beside the one that counts made it no longer. */
export const asItWas: LengthOf = ({ attempts }, nowMs) =>
  sum(
    attempts.map((attempt) => {
      const { startMs, endMs } = spanOf(attempt, nowMs);
      return attempt.reason?.code === 'DTE_SECOND_START' ? 0 : endMs - startMs;
    }),
  );

/**
 * How long a command that is over would have taken with these agents and lengths, by list scheduling; null if it can't be
 * computed. What it leaves out: tasks that must be alone or on certain agents, and agents that leave early.
 */
export function wallMs(run: RunModel, crew: readonly Crew[], lengthOf: LengthOf): number | null {
  const endMs = run.endMs ?? run.startMs;
  const agent = crew.flatMap(({ joinedMs, slots }) =>
    Array.from({ length: slots }, () => Math.max(0, joinedMs - run.startMs)),
  );
  const main = Array.from({ length: run.parallel }, () => 0);
  const jobs = run.tasks.map((task): Job => {
    const place = task.attempts.length === 0 ? 'nowhere' : ranOnAgents(task) ? 'agent' : 'main';
    return { durationMs: lengthOf(task, endMs), place, dependencies: task.dependencies };
  });
  const scheduled = listSchedule(jobs, { agent, main });
  return scheduled === null ? null : scheduled + tailMs(run, endMs);
}

/** What comes after the last attempt is the same with any number of agents: its outputs are restored, and the command ends. */
function tailMs({ startMs, tasks }: RunModel, endMs: number): number {
  const ends = tasks.flatMap(({ attempts }) => attempts.map((attempt) => spanOf(attempt, endMs).endMs));
  return Math.max(0, endMs - ends.reduce((latest, end) => Math.max(latest, end), startMs));
}
