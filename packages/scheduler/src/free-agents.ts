import { type Before, heapify, heapPop, heapPush } from './heap';
import type { FreeAgent } from './indexes';
import { at, known, runOf } from './lookup';
import { isFull } from './packing';
import { compactPool, countInPool, fewestFirst, poolFor, poolOf } from './pools';
import { indexRoom } from './room';
import type { AgentState, Lane, RunState, SchedulerState } from './state';

/** Most free slots first (spreads the load), then in the order of joining. */
const before: Before<FreeAgent> = (a, b) =>
  a.free > b.free ||
  (a.free === b.free &&
    (a.joinIndex < b.joinIndex || (a.joinIndex === b.joinIndex && a.version > b.version)));

/** Slots for tasks to which no rule gives more. */
export const ordinarySlots = (state: SchedulerState, agent: AgentState): number =>
  agent.slots ?? state.defaultSlots ?? 0;

/** All slots that it uses. */
export const slotsOf = (state: SchedulerState, agent: AgentState): number =>
  agent.slots ?? Math.max(state.defaultSlots ?? 0, agent.pool === null ? 0 : poolOf(state, agent.pool).slots);

export const isUsable = (agent: AgentState): boolean =>
  agent.connected && !agent.draining && agent.released === null;

/** May get work. An agent that returns one attempt after another gets work only if all others do the same. */
export const isDispatchable = (state: SchedulerState, agent: AgentState): boolean =>
  isUsable(agent) && (state.usable.healthy === 0 || isHealthy(state, agent));

export const isHealthy = (state: SchedulerState, agent: AgentState): boolean =>
  agent.faults < state.config.attemptsPerTask;

/** Tasks go to other agents only if it is full. */
export const isReliable = (state: SchedulerState, agent: AgentState): boolean =>
  isHealthy(state, agent) && !agent.slow;

/**
 * Second starts at once: this share of the session's slots, those included whose agents were released early. Not configurable: LATE found 10% best for clusters whose second starts
 * compete with first ones; here they give way to them, so the bound only limits what a slow day can make agents do for nothing.
 */
const SHARE_OF_SLOTS = 0.25;
/** But always so many: small fleets have slow machines as well. Not configurable, as above. */
const LEAST_AT_ONCE = 2;

/** How many second starts there may be at once. */
export const mostSecondStarts = ({ usable, release }: SchedulerState): number =>
  Math.max(LEAST_AT_ONCE, Math.floor((usable.slots + release.slots) * SHARE_OF_SLOTS));

/** Of this many slots, those that its tasks do not use and their caps do not block. */
export const left = (slots: number, agent: AgentState): number =>
  isFull(agent, slots) ? 0 : Math.max(0, Math.min(slots, agent.cap ?? slots) - agent.leases.size);

/** Slots for tasks without a rule that need not run alone. */
export const freeSlots = (state: SchedulerState, agent: AgentState): number =>
  agent.heldFor !== null || !isDispatchable(state, agent) ? 0 : left(ordinarySlots(state, agent), agent);

/** Slots for tasks of a rule, if the agent is not reserved for others. */
export const slotsLeft = (state: SchedulerState, agent: AgentState): number =>
  isUsable(agent) ? left(slotsOf(state, agent), agent) : 0;

/** May an agent get tasks of this run, regardless of its other work? */
export const servesRun = ({ onlyRun }: AgentState, { runId }: RunState): boolean =>
  onlyRun === null || onlyRun === runId;

/**
 * May an attempt of this run wait on this agent for a slot? Only if any slot of it will do: the agent itself decides which of
 * them is free first.
 */
export function mayWaitOn(state: SchedulerState, agent: AgentState, { parallel }: RunState): boolean {
  if (agent.heldFor !== null || (isUsable(agent) && !isDispatchable(state, agent))) return false;
  const slots = slotsOf(state, agent);
  return slots === ordinarySlots(state, agent) && (agent.slots !== null || parallel >= slots);
}

/** The agents that serve only one run. */
export const ownAgents = (state: SchedulerState, { runId }: RunState): AgentState[] =>
  [...state.exclusive].flatMap((agentId) => {
    const agent = state.agents.get(agentId);
    state.operations++;
    return agent?.onlyRun === runId && isUsable(agent) ? [agent] : [];
  });

/** Number of agents that may get tasks of a run. */
export const dispatchableCount = (state: SchedulerState, run: RunState): number =>
  (state.usable.healthy === 0 ? state.usable.agents : state.usable.healthy) +
  ownAgents(state, run).filter((agent) => isDispatchable(state, agent)).length;

/** Call this after every change of an agent that affects what it may get. */
export function refreshAgent(state: SchedulerState, agent: AgentState): void {
  const hadHealthy = state.usable.healthy > 0;
  // An agent that serves only one run is no help to other runs.
  const usable = isUsable(agent) && agent.onlyRun === null;
  count(state, agent, {
    usable,
    healthy: usable && isHealthy(state, agent),
    slots: usable ? slotsOf(state, agent) : 0,
  });
  if (hadHealthy === state.usable.healthy > 0) index(state, agent);
  else for (const each of state.agents.values()) index(state, each);
}

/** Rules now mention these labels: agents that have one of them are now of a different kind. */
export function mentionLabels(state: SchedulerState, labels: readonly string[]): void {
  const before = state.mentionedLabels.size;
  for (const label of labels) state.mentionedLabels.add(label);
  if (state.mentionedLabels.size === before) return;
  for (const agent of state.agents.values()) {
    state.operations++;
    const pool = poolFor(state, agent);
    if (pool === agent.pool) continue;
    countInPool(state, agent.pool, agent.counted, -1);
    countInPool(state, pool, agent.counted, 1);
    agent.pool = pool;
    refreshAgent(state, agent);
  }
}

/** Removes an agent that is about to be deleted. */
export function forgetAgent(state: SchedulerState, agent: AgentState): void {
  agent.connected = false;
  refreshAgent(state, agent);
}

/** The agent with most free slots, left in the heap; undefined if no slot is free. */
export function firstFree(state: SchedulerState): AgentState | undefined {
  for (;;) {
    const top = state.free[0];
    if (top === undefined) return undefined;
    const agent = state.agents.get(top.agentId);
    if (agent?.freeVersion === top.version) return agent;
    state.operations++;
    heapPop(state.free, before);
  }
}

/** The first free agent, in order, that `accepts`; rejected ones are put back. @param most agents to look at */
export function findFree(
  state: SchedulerState,
  accepts: (agent: AgentState) => boolean,
  most = Infinity,
): AgentState | undefined {
  const refused: FreeAgent[] = [];
  let found = firstFree(state);
  while (found !== undefined && !accepts(found)) {
    state.operations++;
    refused.push(known(heapPop(state.free, before)));
    found = refused.length < most ? firstFree(state) : undefined;
  }
  for (const entry of refused) heapPush(state.free, entry, before);
  return found;
}

/** Reserves an agent for tasks of one lane. */
export function holdAgent(state: SchedulerState, run: RunState, lane: Lane, agent: AgentState): void {
  lane.heldAgent = agent.agentId;
  agent.heldFor = { runId: run.runId, lane: run.lanes.indexOf(lane) };
  refreshAgent(state, agent);
}

export const isHeldFor = ({ heldFor }: AgentState, run: RunState, lane: Lane): boolean =>
  heldFor?.runId === run.runId && run.lanes[heldFor.lane] === lane;

export function releaseHold(state: SchedulerState, lane: Lane): void {
  if (lane.heldAgent === null) return;
  const agent = state.agents.get(lane.heldAgent);
  lane.heldAgent = null;
  if (agent === undefined) return;
  agent.heldFor = null;
  refreshAgent(state, agent);
}

function count(state: SchedulerState, agent: AgentState, now: AgentState['counted']): void {
  const was = agent.counted;
  state.usable.agents += Number(now.usable) - Number(was.usable);
  state.usable.healthy += Number(now.healthy) - Number(was.healthy);
  state.usable.slots += now.slots - was.slots;
  if (now.usable !== was.usable) state.agentsChanged = true;
  countInPool(state, agent.pool, was, -1);
  countInPool(state, agent.pool, now, 1);
  agent.counted = now;
}

function index(state: SchedulerState, agent: AgentState): void {
  if (agent.heldFor !== null && !isDispatchable(state, agent)) {
    const { runId, lane } = agent.heldFor;
    at(runOf(state, runId).lanes, lane).heldAgent = null;
    agent.heldFor = null;
  }
  const isEmpty = agent.leases.size + agent.ahead.size === 0;
  if (isDispatchable(state, agent) && isEmpty && slotsOf(state, agent) > 0) {
    state.idle.add(agent.agentId);
  } else {
    state.idle.delete(agent.agentId);
  }
  agent.idleSinceMs = isUsable(agent) && isEmpty ? (agent.idleSinceMs ?? state.nowMs) : null;
  agent.freeVersion = state.nextFreeVersion++;
  const { agentId, joinIndex, freeVersion: version } = agent;
  const free = freeSlots(state, agent);
  agent.hasRoom = hasRoom(state, agent);
  if (agent.hasRoom) indexRoom(state, agent);
  if (agent.ahead.size > 0) state.prefetch.doubtful.add(agentId);
  if (free > 0) {
    state.operations++;
    heapPush(state.free, { agentId, joinIndex, free, version }, before);
    compact(state);
  }
  if (agent.pool === null || agent.heldFor !== null || slotsLeft(state, agent) === 0) return;
  const pool = poolOf(state, agent.pool);
  state.operations++;
  heapPush(pool.free, { agentId, joinIndex, leases: agent.leases.size, version }, fewestFirst);
  compactPool(state, pool);
}

/** It runs as much as it can and waits for nothing. */
function hasRoom(state: SchedulerState, agent: AgentState): boolean {
  const { spare, ahead, leases, cap, heldFor } = agent;
  if (spare === 0 || ahead.size > 0 || leases.size === 0 || cap !== null || heldFor !== null) return false;
  return isDispatchable(state, agent) && left(slotsOf(state, agent), agent) === 0;
}

function compact(state: SchedulerState): void {
  if (state.free.length <= 4 * state.agents.size + 64) return;
  state.operations += state.free.length;
  state.free = state.free.filter(
    ({ agentId, version }) => state.agents.get(agentId)?.freeVersion === version,
  );
  heapify(state.free, before);
}
