import { type AgentSync, type AgentWanted, introductionOf, type Reason, type Work } from '@org/dte-protocol';
import { acceptDrift, acceptResult, loseAttempt, markStarted, returnAttempt } from './attempts';
import { aheadRef, lastFirst, leasesOf } from './ahead';
import { acceptBatch } from './batch-results';
import { addDeadline } from './deadlines';
import type { EffectsBuilder } from './effects-builder';
import { forgetAgent, refreshAgent, slotsOf } from './free-agents';
import type { AgentJoin } from './interface';
import { agentRefused, membershipChanged } from './session';
import { poolFor } from './pools';
import { listedLease } from './holdings';
import { isOwnFailure } from './own-failure';
import { ownWords } from './own-words';
import { otherOf } from './rivals';
import type { Lease } from './lease';
import type { AgentState, SchedulerState } from './state';
import { agentOf, leaseOf, runOf } from './lookup';

const LEFT: Reason = { code: 'DTE_AGENT_LEFT', message: 'The agent left.' };
const AGENT_LEFT: Reason = { code: 'DTE_AGENT_LEFT', message: 'The agent stopped before it began.' };

export function agentJoined(state: SchedulerState, join: AgentJoin, out: EffectsBuilder): void {
  const { agentId, name, slots } = join;
  let agent = state.agents.get(agentId);
  out.event({ type: 'agent.joined', agentId, name, again: agent !== undefined });
  if (agent === undefined) {
    // Rules send tasks to agents. The worker of a main job has no labels that anyone chose.
    const known = join.onlyRun === undefined ? join : { ...join, labels: [] };
    agent = createAgent(known, poolFor(state, known), state.nextJoinIndex++);
    state.agents.set(agentId, agent);
    if (agent.onlyRun !== null) state.exclusive.add(agentId);
  }
  // The labels do not change: they belong to the process, which is the same.
  const capacity = join.capacity ?? null;
  if (agent.released !== null) {
    state.release.count--;
    state.release.slots = Math.max(0, state.release.slots - slotsOf(state, agent));
  }
  if (capacity === null) state.packing.delete(agentId);
  else state.packing.add(agentId);
  Object.assign(agent, introductionOf(join), {
    slots,
    capacity,
    // Whether a task fits on an agent that packs is only known when others have ended.
    spare: capacity === null ? (join.spare ?? 0) : 0,
    connected: true,
    draining: false,
    // It comes back and has not left: perhaps it is needed by now.
    released: null,
    seq: -1,
  });
  refreshAgent(state, agent);
  membershipChanged(state);
  out.tellAgent(agentId);
}

const createAgent = (join: AgentJoin, pool: string | null, joinIndex: number): AgentState => ({
  agentId: join.agentId,
  ...introductionOf(join),
  labels: join.labels,
  pool,
  onlyRun: join.onlyRun ?? null,
  capacity: join.capacity ?? null,
  slots: join.slots,
  joinIndex,
  connected: true,
  disconnectedAtMs: 0,
  draining: false,
  toldToStop: false,
  released: null,
  idleSinceMs: null,
  finished: 0,
  faults: 0,
  slow: false,
  leases: new Set(),
  spare: 0,
  ahead: new Set(),
  leasesPerRun: new Map(),
  cap: null,
  heldFor: null,
  bytesWanted: 0,
  seq: -1,
  counted: { usable: false, healthy: false, slots: 0 },
  hasRoom: false,
  freeVersion: 0,
});

/** An agent reports its state: attempts that it lists keep their lease, results are accepted, differences are repaired. */
export function agentSynced(
  state: SchedulerState,
  agentId: string,
  sync: AgentSync,
  out: EffectsBuilder,
): void {
  const agent = state.agents.get(agentId);
  // Ignore a sync that arrived before its hello, after the end of its connection, or after a later sync.
  if (agent?.connected !== true || sync.seq < agent.seq) return;
  agent.seq = sync.seq;
  if (stopOf(state, agent) === null) agent.toldToStop = false;
  if (agent.slots !== sync.slots || agent.draining !== sync.draining) {
    if (agent.draining !== sync.draining) membershipChanged(state);
    agent.slots = sync.slots;
    agent.draining = sync.draining;
    refreshAgent(state, agent);
    out.tellAgent(agentId);
  }
  if (!takeWork(state, agent, sync, out) || stopOf(state, agent) !== null) out.tellAgent(agentId);
  // Any message that the step has for this agent answers this sync.
  out.answeredSync = { agentId, seq: sync.seq };
}

/** @returns whether the agent does exactly what the scheduler wants */
function takeWork(state: SchedulerState, agent: AgentState, sync: AgentSync, out: EffectsBuilder): boolean {
  let agrees = true;
  const listed = new Map<Lease, Work>();
  for (const work of ownWords(state, agent.agentId, sync).work) {
    const lease = listedLease(state, agent, work);
    if (lease === undefined) {
      agrees = false;
      const { runId, taskId, attempt, phase } = work;
      if (phase.name === 'completed') {
        out.event({ type: 'result.refused', runId, taskId, attempt, agentId: agent.agentId });
      }
    } else {
      lease.untilMs = state.nowMs + state.config.leaseMs;
      listed.set(lease, work);
    }
  }
  for (const lease of lastFirst(agent)) {
    if (listed.has(lease)) continue;
    agrees = false;
    const run = runOf(state, lease.runId);
    if (agent.draining) loseAttempt({ state, run, lease, out }, AGENT_LEFT, { counted: false });
  }
  for (const [lease, work] of listed) takePhase(state, lease, work, out);
  return agrees;
}

function takePhase(state: SchedulerState, lease: Lease, { phase }: Work, out: EffectsBuilder): void {
  const run = runOf(state, lease.runId);
  // An earlier result in the same sync may have ended the run's other tasks.
  if (leaseOf(run, lease.index, lease.attempt) !== lease) return;
  const context = { state, run, lease, out };
  if (phase.name === 'executing') markStarted(context);
  if (phase.name !== 'completed') return;
  const { result } = phase;
  if (result.kind === 'returned') returnAttempt(context, result.reason);
  else if (result.kind === 'batch') acceptBatch(context, result);
  else if (
    result.status === 'failure' &&
    result.reason?.code === 'DTE_HASH_MISMATCH' &&
    // It did not run, and the other attempt does: that one decides.
    otherOf(run, lease) === undefined
  )
    acceptDrift(context, lease.index, result);
  else if (result.status === 'failure' && result.reason !== null && !isOwnFailure(result))
    returnAttempt(context, result.reason, result);
  else acceptResult(context, result);
}

export function agentDisconnected(state: SchedulerState, agentId: string, out: EffectsBuilder): void {
  const agent = state.agents.get(agentId);
  if (agent?.connected !== true) return;
  out.event({ type: 'agent.disconnected', agentId });
  if (agent.toldToStop || (agent.draining && agent.leases.size + agent.ahead.size === 0)) {
    removeAgent(state, agent, LEFT, out);
    return;
  }
  agent.connected = false;
  agent.disconnectedAtMs = state.nowMs;
  refreshAgent(state, agent);
  membershipChanged(state);
  const { agentReturnMs, leaseMs } = state.config;
  // A killed process breaks its connection at once. It would keep its tasks for the rest of a lease although nobody runs them.
  awaitReturn(state, agent, Math.min(agentReturnMs, leaseMs));
}

/** A disconnected agent may reconnect within this time, and goes on with its attempts. */
export function awaitReturn(state: SchedulerState, agent: AgentState, forMs: number): void {
  const { agentId, disconnectedAtMs: sinceMs } = agent;
  addDeadline(state, state.nowMs + forMs, { kind: 'agent-gone', agentId, sinceMs });
}

/** It did not reconnect in time: it is forgotten with its attempts. If it reconnects later, it is a new agent that holds none of them. */
export function agentGone(state: SchedulerState, agentId: string, out: EffectsBuilder): void {
  const agent = agentOf(state, agentId);
  // The coordinator was restarted meanwhile.
  if (agent.released !== null) {
    removeAgent(state, agent, LEFT, out);
    return;
  }
  const awayMs = state.nowMs - agent.disconnectedAtMs;
  const message = `Agent ${agent.name} was disconnected and did not reconnect within ${awayMs} ms.`;
  removeAgent(state, agent, { code: 'DTE_AGENT_LOST', message }, out);
}

export function agentRemoved(
  state: SchedulerState,
  agentId: string,
  reason: Reason,
  out: EffectsBuilder,
): void {
  const agent = state.agents.get(agentId);
  if (agent === undefined) return;
  if (reason.code !== 'DTE_AGENT_LEFT' && reason.code !== 'DTE_SESSION_FINISHED') {
    agentRefused(state, agent.name, reason, out);
  }
  removeAgent(state, agent, reason, out);
}

function removeAgent(state: SchedulerState, agent: AgentState, reason: Reason, out: EffectsBuilder): void {
  forgetAgent(state, agent);
  for (const lease of lastFirst(agent)) {
    loseAttempt({ state, run: runOf(state, lease.runId), lease, out }, reason);
  }
  state.agents.delete(agent.agentId);
  state.exclusive.delete(agent.agentId);
  state.packing.delete(agent.agentId);
  state.idle.delete(agent.agentId);
  out.event({ type: 'agent.left', agentId: agent.agentId, reason });
  membershipChanged(state);
}

/** Why the agent should leave; null: it should not. */
const stopOf = ({ session }: SchedulerState, { released }: AgentState): Reason | null =>
  session.stop ?? released;

/** Everything that the scheduler wants from an agent. */
export function wantedOf(state: SchedulerState, agent: AgentState, seq: number): AgentWanted {
  const stop = stopOf(state, agent);
  if (stop !== null) agent.toldToStop = true;
  return {
    type: 'agent.wanted',
    seq,
    assignments: leasesOf(agent).map((lease) => lease.assignment),
    ...(agent.ahead.size === 0 ? {} : { ahead: [...agent.ahead].map(aheadRef) }),
    slots: agent.slots ?? (state.defaultSlots === null ? null : slotsOf(state, agent)),
    stop,
  };
}
