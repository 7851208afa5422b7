import { DteError } from '@org/dte-protocol';
import type { AgentState, RunState, SchedulerState, TaskRecord } from './state';

/** A value that must exist by the rules of the state; otherwise, the scheduler has a bug. */
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

/** Indices of the dependencies of a task. */
export const dependenciesOf = (run: RunState, index: number): readonly number[] =>
  at(run.graph.dependencies, index);

/** Indices of the dependents of a task. */
export const dependantsOf = (run: RunState, index: number): readonly number[] =>
  at(run.graph.dependants, index);
