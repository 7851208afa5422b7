import { type BatchMember, DteError } from '@org/dte-protocol';
import { leavePlace, takeSlot, takeTurns, waitAhead } from './ahead';
import { countWaiting } from './alone';
import { unitOf } from './batches';
import { closureBytes, closureOf } from './closure';
import type { AttemptContext, RunContext } from './contexts';
import { addDeadline } from './deadlines';
import type { EffectsBuilder } from './effects-builder';
import { needOf } from './packing';
import { refreshAgent, slotsOf } from './free-agents';
import type { Lease } from './lease';
import type { AgentState, RunState, SchedulerState } from './state';
import { agentOf, at, taskOf } from './lookup';

/** An attempt that is not assigned to an agent yet. */
type PreparedLease = Omit<Lease, 'agentId' | 'cost' | 'cap' | 'place' | 'runsSinceMs'>;

/** Prepares the next attempt of a task, the same for any agent. Does not assign it. If the task is leased, it is a second start. */
export function prepareLease(state: SchedulerState, run: RunState, index: number): PreparedLease {
  const task = taskOf(run, index);
  const second = task.state.name === 'leased';
  const indices = unitOf(run, index);
  const closure = closureOf(state, run, indices);
  const before = highest(indices, (each) => taskOf(run, each).attempt);
  const attempt = before + 1;
  const isUnbegun = before > 0 && indices.every((each) => taskOf(run, each).recalls === before);
  const taskId = at(run.graph.ids, index);
  const retry = {
    failed: highest(indices, (each) => taskOf(run, each).retry.failed),
    // A failure of a second start does not count either: nothing of it is stored under the hash.
    left: highest(indices, (each) => taskOf(run, each).retry.left) + Number(second),
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
    need: needOf(run, index),
    started: false,
    second,
    lateAtMs: null,
    assignment: {
      runId: run.runId,
      taskId,
      attempt,
      hash: task.hash,
      parallelism: task.parallelism,
      // Of two attempts, the terminal shows one: the other's output is complete in its artifact.
      streamOutput: run.streamOutput && !second,
      closure,
      ...(retry.failed + retry.left > 0 ? { retry } : {}),
      ...(isUnbegun ? { unbegun: true } : {}),
      ...(task.batch === null ? {} : { members }),
    },
    bytes: closureBytes(closure) + membersBytes(members) + 256,
  };
}

/** For non-negative numbers. A batch may have more tasks than a call may have arguments. */
const highest = (indices: readonly number[], valueOf: (index: number) => number): number =>
  indices.reduce((most, index) => Math.max(most, valueOf(index)), 0);

const membersBytes = (members: readonly BatchMember[]): number =>
  members.reduce((bytes, { taskId, hash }) => bytes + 3 * (taskId.length + (hash?.length ?? 0)) + 32, 0);

/**
 * Assigns a prepared attempt to an agent.
 * `cap`: highest number of tasks that the agent may run while it runs this one. `ahead`: it waits there for a slot.
 */
export function grantLease(
  { state, run, out }: RunContext,
  agent: AgentState,
  prepared: PreparedLease,
  { cap, place }: Pick<Lease, 'cap'> & { readonly place: 'slot' | 'ahead' },
): void {
  const { index, attempt } = prepared;
  const { runId } = run;
  const alone = cap === 1;
  const cost = alone ? slotsOf(state, agent) : 1;
  const assignment = { ...prepared.assignment, parallelism: !alone };
  const { agentId } = agent;
  const lease: Lease = { ...prepared, assignment, agentId, cost, cap, place, runsSinceMs: null };
  // Before the states change. The task of a second start has an agent, and is not counted.
  countWaiting(run, lease.open, -1);
  for (const each of lease.open) {
    const task = taskOf(run, each);
    task.attempt = attempt;
    if (!lease.second) task.state = { name: 'leased', lease };
  }
  (lease.second ? run.rivals : run.leases).set(index, lease);
  agent.bytesWanted += lease.bytes;
  if (place === 'slot') takeSlot(state, run, agent, lease);
  else waitAhead(state, run, agent, lease);
  refreshAgent(state, agent);
  addDeadline(state, lease.untilMs, { kind: 'lease', runId, index, attempt });
  out.tellAgent(agentId);
  for (const each of lease.open) {
    const taskId = at(run.graph.ids, each);
    out.event({ type: 'task.assigned', runId, taskId, attempt, agentId });
  }
}

/** A task of an attempt has ended. With the last one, everything that the attempt holds is released. */
export function leaveLease({ state, run, lease, out }: AttemptContext, index: number): void {
  lease.open.delete(index);
  if (lease.open.size === 0) releaseLease(state, run, lease, out);
}

/**
 * Releases everything that an attempt holds. The caller must set the next state of the task immediately, unless it was one of two
 * and in `run.rivals`.
 */
export function releaseLease(state: SchedulerState, run: RunState, lease: Lease, out: EffectsBuilder): void {
  const { index } = lease;
  if (run.rivals.get(index) === lease) run.rivals.delete(index);
  else if (!run.leases.delete(index)) throw new DteError('DTE_INTERNAL', 'A lease was released twice.');
  run.late.delete(index);
  const agent = agentOf(state, lease.agentId);
  leavePlace(state, run, agent, lease);
  agent.bytesWanted -= lease.bytes;
  takeTurns(state, agent);
  refreshAgent(state, agent);
  out.tellAgent(agent.agentId);
}

/**
 * Everything that an agent should do is sent in one frame. One task may need nearly half of it, and an agent with that
 * much work gets no more for now, so the frame always fits.
 */
export const bytesPerShare = (state: SchedulerState): number => Math.floor(state.config.frameBytes * 0.45);
