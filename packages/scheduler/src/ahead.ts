import type { AgentWanted } from '@org/dte-protocol';
import type { EffectsBuilder } from './effects-builder';
import { left, ordinarySlots, refreshAgent, slotsOf } from './free-agents';
import { agentOf, runOf } from './lookup';
import { waitingOn } from './room';
import type { Lease } from './lease';
import type { AgentState, RunState, SchedulerState } from './state';

/** Everything that an agent is to do: what takes its slots, then what waits there for a slot. */
export const leasesOf = ({ leases, ahead }: AgentState): Lease[] => [...leases, ...ahead];

/** To end them all: what waits for a slot must not get that of an attempt that ended a moment before. */
export const lastFirst = ({ leases, ahead }: AgentState): Lease[] => [...ahead, ...leases];

type AheadRef = NonNullable<AgentWanted['ahead']>[number];

/** How an attempt that waits for a slot is named to its agent. */
export function aheadRef({ runId, assignment: { taskId }, attempt, place }: Lease): AheadRef {
  const ref = { runId, taskId, attempt };
  return place === 'recalled' ? { ...ref, recalled: true } : ref;
}

export function takeSlot(state: SchedulerState, run: RunState, agent: AgentState, lease: Lease): void {
  lease.place = 'slot';
  lease.runsSinceMs ??= state.nowMs;
  run.slotsUsed += lease.cost;
  agent.leases.add(lease);
  agent.leasesPerRun.set(run.runId, (agent.leasesPerRun.get(run.runId) ?? 0) + 1);
  agent.cap = lowestCap(agent);
}

export function waitAhead(state: SchedulerState, run: RunState, agent: AgentState, lease: Lease): void {
  lease.place = 'ahead';
  run.ahead++;
  agent.ahead.add(lease);
  state.prefetch.holders.add(agent.agentId);
}

/** An attempt takes its slot no more, or waits for one no more. */
export function leavePlace(state: SchedulerState, run: RunState, agent: AgentState, lease: Lease): void {
  if (lease.place === 'slot') {
    run.slotsUsed -= lease.cost;
    agent.leases.delete(lease);
    const others = (agent.leasesPerRun.get(run.runId) ?? 1) - 1;
    if (others === 0) agent.leasesPerRun.delete(run.runId);
    else agent.leasesPerRun.set(run.runId, others);
    agent.cap = lowestCap(agent);
    return;
  }
  run.ahead--;
  agent.ahead.delete(lease);
  settleRecall(state, lease);
  if (waitingOn(agent) === undefined) state.prefetch.holders.delete(agent.agentId);
}

function lowestCap({ leases }: AgentState): number | null {
  let lowest: number | null = null;
  for (const { cap } of leases) if (cap !== null && (lowest === null || cap < lowest)) lowest = cap;
  return lowest;
}

/** Attempts that wait on an agent take its free slots; call `refreshAgent` afterwards. */
export function takeTurns(state: SchedulerState, agent: AgentState): void {
  for (let next = nextTurn(state, agent); next !== undefined; next = nextTurn(state, agent)) {
    const run = runOf(state, next.runId);
    leavePlace(state, run, agent, next);
    takeSlot(state, run, agent, next);
  }
}

/** One that has started comes first: it runs in the place of another whose command has ended, and whose result is on its way. */
function nextTurn(state: SchedulerState, agent: AgentState): Lease | undefined {
  if (agent.ahead.size === 0) return undefined;
  for (const lease of agent.ahead)
    if (lease.started) return agent.leases.size < slotsOf(state, agent) ? lease : undefined;
  const hasSlot = agent.heldFor === null && left(ordinarySlots(state, agent), agent) > 0;
  return hasSlot ? waitingOn(agent) : undefined;
}

/** Its agent runs the attempt: it is too late to recall it. */
export function noteRuns(state: SchedulerState, lease: Lease): void {
  if (lease.place === 'slot') return;
  const agent = agentOf(state, lease.agentId);
  settleRecall(state, lease);
  lease.place = 'ahead';
  lease.runsSinceMs ??= state.nowMs;
  if (waitingOn(agent) === undefined) state.prefetch.holders.delete(agent.agentId);
  takeTurns(state, agent);
  refreshAgent(state, agent);
}

/** Asks its agent to return an attempt that it has not started. */
export function recall(state: SchedulerState, lease: Lease, out: EffectsBuilder): void {
  if (lease.place !== 'ahead' || lease.started) return;
  lease.place = 'recalled';
  state.prefetch.recalling++;
  state.prefetch.holders.delete(lease.agentId);
  out.tellAgent(lease.agentId);
}

/** After a failure nothing new starts: what waits for a slot is recalled. */
export function recallRun(state: SchedulerState, run: RunState, out: EffectsBuilder): void {
  if (run.ahead === 0) return;
  for (const lease of run.leases.values()) recall(state, lease, out);
}

function settleRecall(state: SchedulerState, lease: Lease): void {
  if (lease.place === 'recalled') state.prefetch.recalling--;
}
