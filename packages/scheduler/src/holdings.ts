import type { AgentState, Lease, SchedulerState } from './state';
import { runOf, taskOf } from './lookup';

/** One attempt of one task, of a batch's as well. */
export interface AttemptRef {
  readonly runId: string;
  readonly taskId: string;
  readonly attempt: number;
}

/**
 * What an agent has a say in: the attempt of that task which is leased to it now. Everybody who takes something from an
 * agent asks here. What it says of any other attempt (of one that it has lost, that has ended, or that it never had)
 * changes nothing and is shown nowhere.
 */
export function holds(state: SchedulerState, agentId: string, ref: AttemptRef): boolean {
  const run = state.runs.get(ref.runId);
  const index = run?.graph.indexOf.get(ref.taskId);
  if (run === undefined || index === undefined) return false;
  const { state: where } = taskOf(run, index);
  return where.name === 'leased' && where.lease.agentId === agentId && where.lease.attempt === ref.attempt;
}

/**
 * May the agent store something under the hash? When it holds a task that has it, or one whose hash is only known where it
 * runs: because it depends on outputs, or because the run is content with another one there.
 */
export function mayStore(state: SchedulerState, agentId: string, hash: string): boolean {
  const agent = state.agents.get(agentId);
  if (agent === undefined) return false;
  for (const lease of agent.leases) if (mayBeMade(state, lease, hash)) return true;
  return false;
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

/** As `holds`, of what an agent lists in its syncs: there a batch goes by its first task, also when that has ended. */
export function listedLease(state: SchedulerState, agent: AgentState, ref: AttemptRef): Lease | undefined {
  const run = state.runs.get(ref.runId);
  const index = run?.graph.indexOf.get(ref.taskId);
  const lease = index === undefined ? undefined : run?.leases.get(index);
  return lease?.agentId === agent.agentId && lease.attempt === ref.attempt ? lease : undefined;
}
