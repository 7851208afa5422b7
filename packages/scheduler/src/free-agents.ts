import { type Before, heapify, heapPop, heapPush } from './heap';
import type { FreeAgent } from './indexes';
import { at, known, runOf } from './lookup';
import { compactPool, countInPool, fewestFirst, poolFor, poolOf } from './pools';
import type { AgentState, Lane, RunState, SchedulerState } from './state';

/** Most free slots first (spread), then in the order of joining. */
const before: Before<FreeAgent> = (a, b) =>
  a.free > b.free ||
  (a.free === b.free &&
    (a.joinIndex < b.joinIndex || (a.joinIndex === b.joinIndex && a.version > b.version)));

/** Slots for tasks that no rule gives more of. */
export const ordinarySlots = (state: SchedulerState, agent: AgentState): number =>
  agent.slots ?? state.defaultSlots ?? 0;

/** All slots that it serves. */
export const slotsOf = (state: SchedulerState, agent: AgentState): number =>
  agent.slots ?? Math.max(state.defaultSlots ?? 0, agent.pool === null ? 0 : poolOf(state, agent.pool).slots);

export const isUsable = (agent: AgentState): boolean => agent.connected && !agent.draining;

/** May be given work. An agent that returns one attempt after the other is so only when all others do too. */
export const isDispatchable = (state: SchedulerState, agent: AgentState): boolean =>
  isUsable(agent) && (state.usable.healthy === 0 || isHealthy(state, agent));

export const isHealthy = (state: SchedulerState, agent: AgentState): boolean =>
  agent.faults < state.config.attemptsPerTask;

/** Of so many slots, those that neither its tasks take nor their caps forbid. */
const left = (slots: number, { cap, leases }: AgentState): number =>
  Math.max(0, Math.min(slots, cap ?? slots) - leases.size);

/** Slots that tasks of no rule, which do not need to be alone, may take. */
export const freeSlots = (state: SchedulerState, agent: AgentState): number =>
  agent.heldFor !== null || !isDispatchable(state, agent) ? 0 : left(ordinarySlots(state, agent), agent);

/** Slots that tasks of a rule may take, if the agent is not reserved for others. */
export const slotsLeft = (state: SchedulerState, agent: AgentState): number =>
  isUsable(agent) ? left(slotsOf(state, agent), agent) : 0;

/** May an agent be given tasks of a run, whatever else it does? */
export const servesRun = ({ onlyRun }: AgentState, { runId }: RunState): boolean =>
  onlyRun === null || onlyRun === runId;

/** The agents that are there for one run alone. */
export const ownAgents = (state: SchedulerState, { runId }: RunState): AgentState[] =>
  [...state.exclusive].flatMap((agentId) => {
    const agent = state.agents.get(agentId);
    state.operations++;
    return agent?.onlyRun === runId && isUsable(agent) ? [agent] : [];
  });

/** How many agents a run's tasks may be given to. */
export const dispatchableCount = (state: SchedulerState, run: RunState): number =>
  (state.usable.healthy === 0 ? state.usable.agents : state.usable.healthy) +
  ownAgents(state, run).filter((agent) => isDispatchable(state, agent)).length;

/** Call this after every change of an agent that bears on what it can be given. */
export function refreshAgent(state: SchedulerState, agent: AgentState): void {
  const hadHealthy = state.usable.healthy > 0;
  // What one run has for itself must not look like help to the others.
  const usable = isUsable(agent) && agent.onlyRun === null;
  count(state, agent, {
    usable,
    healthy: usable && isHealthy(state, agent),
    slots: usable ? slotsOf(state, agent) : 0,
  });
  if (hadHealthy === state.usable.healthy > 0) index(state, agent);
  else for (const each of state.agents.values()) index(state, each);
}

/** Rules mention these labels: agents that have one the scheduler knew no use for are of another kind now. */
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

/** An agent that is about to be deleted. */
export function forgetAgent(state: SchedulerState, agent: AgentState): void {
  agent.connected = false;
  refreshAgent(state, agent);
}

/** The agent with most free slots, left in the heap; undefined when no slot is free. */
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

/** The first free agent that `accepts`, in order; those it refuses are put back. */
export function findFree(
  state: SchedulerState,
  accepts: (agent: AgentState) => boolean,
): AgentState | undefined {
  const refused: FreeAgent[] = [];
  let found = firstFree(state);
  while (found !== undefined && !accepts(found)) {
    state.operations++;
    refused.push(known(heapPop(state.free, before)));
    found = firstFree(state);
  }
  for (const entry of refused) heapPush(state.free, entry, before);
  return found;
}

/** Keeps an agent free for tasks of one lane. */
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
  if (isDispatchable(state, agent) && agent.leases.size === 0 && slotsOf(state, agent) > 0) {
    state.idle.add(agent.agentId);
  } else {
    state.idle.delete(agent.agentId);
  }
  agent.freeVersion = state.nextFreeVersion++;
  const { agentId, joinIndex, freeVersion: version } = agent;
  const free = freeSlots(state, agent);
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

function compact(state: SchedulerState): void {
  if (state.free.length <= 4 * state.agents.size + 64) return;
  state.operations += state.free.length;
  state.free = state.free.filter(
    ({ agentId, version }) => state.agents.get(agentId)?.freeVersion === version,
  );
  heapify(state.free, before);
}
