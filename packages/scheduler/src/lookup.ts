import { DteError } from '@org/dte-protocol';
import type { AgentState, RunState, SchedulerState, TaskRecord } from './state';

/** A value that the state's own rules say is there; anything else is a bug of the scheduler. */
export function known<T>(value: T | undefined): T {
  if (value === undefined)
    throw new DteError('DTE_INTERNAL', 'The scheduler looked for something that is not there.');
  return value;
}

export const at = <T>(list: readonly T[], index: number): T => known(list[index]);

export const runOf = (state: SchedulerState, runId: string): RunState => known(state.runs.get(runId));

export const agentOf = (state: SchedulerState, agentId: string): AgentState =>
  known(state.agents.get(agentId));

export const taskOf = (run: RunState, index: number): TaskRecord => at(run.tasks, index);

/** Indices of the tasks that a task waits for. */
export const dependenciesOf = (run: RunState, index: number): readonly number[] =>
  at(run.graph.dependencies, index);

/** Indices of the tasks that wait for a task. */
export const dependantsOf = (run: RunState, index: number): readonly number[] =>
  at(run.graph.dependants, index);
