import { type AgentRef, DteError } from '@org/dte-protocol';
import type { Lease } from './lease';
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

/** How entries of the log name an agent. */
export const refOf = ({ agentId, name, jobUrl }: AgentState): AgentRef => ({ agentId, name, jobUrl });

export const taskOf = (run: RunState, index: number): TaskRecord => at(run.tasks, index);

/** Indices of the dependencies of a task. */
export const dependenciesOf = (run: RunState, index: number): readonly number[] =>
  at(run.graph.dependencies, index);

/** Indices of the dependents of a task. */
export const dependantsOf = (run: RunState, index: number): readonly number[] =>
  at(run.graph.dependants, index);

/** The lease of this attempt, if it is live; `index` as that of the lease. */
export function leaseOf(run: RunState | undefined, index: number, attempt: number): Lease | undefined {
  const lease = run?.leases.get(index);
  if (lease?.attempt === attempt) return lease;
  const rival = run?.rivals.get(index);
  return rival?.attempt === attempt ? rival : undefined;
}
