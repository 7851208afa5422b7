import { leasesOf } from './ahead';
import type { Lease } from './lease';
import type { AgentState, SchedulerState } from './state';
import { leaseOf, runOf, taskOf } from './lookup';

/** One attempt of one task, of a batch's as well. */
export interface AttemptRef {
  readonly runId: string;
  readonly taskId: string;
  readonly attempt: number;
}

/**
 * The attempts about which an agent may report: the attempt of each task that is leased to it now. All code that
 * accepts data from an agent asks here. Reports about any other attempt (lost, ended, or never assigned to it) have no
 * effect and are not shown.
 */
export function holds(state: SchedulerState, agentId: string, ref: AttemptRef): boolean {
  const run = state.runs.get(ref.runId);
  const index = run?.graph.indexOf.get(ref.taskId);
  if (run === undefined || index === undefined) return false;
  const { state: where } = taskOf(run, index);
  if (where.name !== 'leased') return false;
  const lease = where.lease.attempt === ref.attempt ? where.lease : run.rivals.get(index);
  return lease?.agentId === agentId && lease.attempt === ref.attempt;
}

/** Identifies a lease in the words of its agent's reports: of a batch, all its tasks have the same attempt. */
export type AttemptNumber = Pick<AttemptRef, 'runId' | 'attempt'>;

/**
 * The attempts for which an agent may store something under the hash now: those of tasks with this hash, and of tasks whose
 * hash is known only where they run, because it depends on outputs, or because the run accepts a different hash there.
 */
export function storingAttempts(state: SchedulerState, agentId: string, hash: string): AttemptNumber[] {
  const agent = state.agents.get(agentId);
  return (agent === undefined ? [] : leasesOf(agent))
    .filter((lease) => mayBeMade(state, lease, hash))
    .map(({ runId, attempt }) => ({ runId, attempt }));
}

function mayBeMade(state: SchedulerState, { runId, open }: Lease, hash: string): boolean {
  const run = runOf(state, runId);
  if (run.onHashMismatch === 'warn') return true;
  for (const index of open) {
    const { hash: agreed } = taskOf(run, index);
    if (agreed === null || agreed === hash) return true;
  }
  return false;
}

/** Like `holds`, for the entries in an agent's syncs: a batch is identified by its first task, even after that has ended. */
export function listedLease(state: SchedulerState, agent: AgentState, ref: AttemptRef): Lease | undefined {
  const run = state.runs.get(ref.runId);
  const index = run?.graph.indexOf.get(ref.taskId);
  const lease = index === undefined ? undefined : leaseOf(run, index, ref.attempt);
  return lease?.agentId === agent.agentId ? lease : undefined;
}
