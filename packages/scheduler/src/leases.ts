import { type BatchMember, DteError } from '@org/dte-protocol';
import { unitOf } from './batches';
import { closureBytes, closureOf } from './closure';
import type { AttemptContext, RunContext } from './contexts';
import { addDeadline } from './deadlines';
import type { EffectsBuilder } from './effects-builder';
import { refreshAgent, slotsOf } from './free-agents';
import type { AgentState, Lease, RunState, SchedulerState } from './state';
import { at, taskOf } from './lookup';

/** An attempt before it has an agent. */
type PreparedLease = Omit<Lease, 'agentId' | 'cost' | 'cap'>;

/** The next attempt of a task as it would be given to any agent; not given yet. */
export function prepareLease(state: SchedulerState, run: RunState, index: number): PreparedLease {
  const task = taskOf(run, index);
  const indices = unitOf(run, index);
  const closure = closureOf(state, run, indices);
  const attempt = 1 + highest(indices, (each) => taskOf(run, each).attempt);
  const taskId = at(run.graph.ids, index);
  const retry = {
    failed: highest(indices, (each) => taskOf(run, each).retry.failed),
    left: highest(indices, (each) => taskOf(run, each).retry.left),
  };
  const members = indices.map((each) => ({
    taskId: at(run.graph.ids, each),
    hash: taskOf(run, each).hash,
  }));
  return {
    runId: run.runId,
    index,
    open: new Set(indices),
    attempt,
    untilMs: state.nowMs + state.config.leaseMs,
    sinceMs: state.nowMs,
    started: false,
    assignment: {
      runId: run.runId,
      taskId,
      attempt,
      hash: task.hash,
      parallelism: task.parallelism,
      streamOutput: run.streamOutput,
      closure,
      ...(retry.failed + retry.left > 0 ? { retry } : {}),
      ...(task.batch === null ? {} : { members }),
    },
    bytes: closureBytes(closure) + membersBytes(members) + 256,
  };
}

/** Of numbers from 0; a batch may have more tasks than a call may have arguments. */
const highest = (indices: readonly number[], valueOf: (index: number) => number): number =>
  indices.reduce((most, index) => Math.max(most, valueOf(index)), 0);

const membersBytes = (members: readonly BatchMember[]): number =>
  members.reduce((bytes, { taskId, hash }) => bytes + 3 * (taskId.length + (hash?.length ?? 0)) + 32, 0);

/**
 * Gives a prepared attempt to an agent.
 * @param cap tasks that the agent may run at most while it runs this one
 */
export function grantLease(
  { state, run, out }: RunContext,
  agent: AgentState,
  prepared: PreparedLease,
  cap: number | null,
): void {
  const { index, attempt } = prepared;
  const { runId } = run;
  const alone = cap === 1;
  const cost = alone ? slotsOf(state, agent) : 1;
  const assignment = { ...prepared.assignment, parallelism: !alone };
  const lease: Lease = { ...prepared, assignment, agentId: agent.agentId, cost, cap };
  for (const each of lease.open)
    Object.assign(taskOf(run, each), { attempt, state: { name: 'leased', lease } });
  run.leases.set(index, lease);
  run.slotsUsed += cost;
  agent.leases.add(lease);
  agent.leasesPerRun.set(runId, (agent.leasesPerRun.get(runId) ?? 0) + 1);
  agent.bytesWanted += lease.bytes;
  agent.cap = lowestCap(agent);
  refreshAgent(state, agent);
  addDeadline(state, lease.untilMs, { kind: 'lease', runId, index, attempt });
  out.tellAgent(agent.agentId);
  for (const each of lease.open) {
    const taskId = at(run.graph.ids, each);
    out.event({ type: 'task.assigned', runId, taskId, attempt, agentId: agent.agentId });
  }
}

/** A task of an attempt has ended; with the last one, what the attempt holds is free. */
export function leaveLease({ state, run, lease, out }: AttemptContext, index: number): void {
  lease.open.delete(index);
  if (lease.open.size === 0) releaseLease(state, run, lease, out);
}

function lowestCap({ leases }: AgentState): number | null {
  let lowest: number | null = null;
  for (const { cap } of leases) if (cap !== null && (lowest === null || cap < lowest)) lowest = cap;
  return lowest;
}

/** Frees what an attempt holds. The caller puts the task into its next state at once. */
export function releaseLease(state: SchedulerState, run: RunState, lease: Lease, out: EffectsBuilder): void {
  if (!run.leases.delete(lease.index)) throw new DteError('DTE_INTERNAL', 'A lease was released twice.');
  run.slotsUsed -= lease.cost;
  const agent = state.agents.get(lease.agentId);
  if (agent === undefined) return;
  agent.leases.delete(lease);
  const others = (agent.leasesPerRun.get(run.runId) ?? 1) - 1;
  if (others === 0) agent.leasesPerRun.delete(run.runId);
  else agent.leasesPerRun.set(run.runId, others);
  agent.bytesWanted -= lease.bytes;
  agent.cap = lowestCap(agent);
  refreshAgent(state, agent);
  out.tellAgent(agent.agentId);
}

/**
 * All that an agent is wanted to do is said in one frame. One task may take nearly half of it, and an agent that
 * is wanted to do as much gets nothing more for now: so it always fits.
 */
export const bytesPerShare = (state: SchedulerState): number => Math.floor(state.config.frameBytes * 0.45);
