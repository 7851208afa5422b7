import { type Before, heapify, heapPop, heapPush } from './heap';
import type { AgentState, RunState, SchedulerState } from './state';
import { known } from './lookup';

/** An agent's entry in the heap of free agents; outdated when the agent has moved on to another version. */
export interface FreeAgent {
  agentId: string;
  joinIndex: number;
  free: number;
  version: number;
}

/** Most free slots first (spread), then in the order of joining. */
const before: Before<FreeAgent> = (a, b) =>
  a.free > b.free ||
  (a.free === b.free &&
    (a.joinIndex < b.joinIndex || (a.joinIndex === b.joinIndex && a.version > b.version)));

export const slotsOf = (state: SchedulerState, agent: AgentState): number =>
  agent.slots ?? state.defaultSlots ?? 0;

const isUsable = (agent: AgentState): boolean => agent.connected && !agent.draining;

/** May be given work. An agent that hands back one attempt after the other is so only when all others do too. */
export const isDispatchable = (state: SchedulerState, agent: AgentState): boolean =>
  isUsable(agent) && (state.usable.healthy === 0 || isHealthy(state, agent));

const isHealthy = (state: SchedulerState, agent: AgentState): boolean =>
  agent.faults < state.config.attemptsPerTask;

/** Slots that tasks which do not need to be alone may take. */
export const freeSlots = (state: SchedulerState, agent: AgentState): number =>
  agent.alone || agent.heldFor !== null || !isDispatchable(state, agent)
    ? 0
    : Math.max(0, slotsOf(state, agent) - agent.leases.size);

export const dispatchableCount = ({ usable }: SchedulerState): number =>
  usable.healthy === 0 ? usable.agents : usable.healthy;

/** To be called after every change of an agent that bears on what it can be given. */
export function refreshAgent(state: SchedulerState, agent: AgentState): void {
  const hadHealthy = state.usable.healthy > 0;
  const usable = isUsable(agent);
  count(state, agent, {
    usable,
    healthy: usable && isHealthy(state, agent),
    slots: usable ? slotsOf(state, agent) : 0,
  });
  if (hadHealthy === state.usable.healthy > 0) index(state, agent);
  else for (const each of state.agents.values()) index(state, each);
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

/** Keeps an agent free for tasks of a run that must be alone. */
export function holdAgent(state: SchedulerState, run: RunState, agent: AgentState): void {
  run.heldAgent = agent.agentId;
  agent.heldFor = run.runId;
  refreshAgent(state, agent);
}

export function releaseHold(state: SchedulerState, run: RunState): void {
  if (run.heldAgent === null) return;
  const agent = state.agents.get(run.heldAgent);
  run.heldAgent = null;
  if (agent === undefined) return;
  agent.heldFor = null;
  refreshAgent(state, agent);
}

function count(state: SchedulerState, agent: AgentState, now: AgentState['counted']): void {
  const was = agent.counted;
  state.usable.agents += Number(now.usable) - Number(was.usable);
  state.usable.healthy += Number(now.healthy) - Number(was.healthy);
  state.usable.slots += now.slots - was.slots;
  agent.counted = now;
}

function index(state: SchedulerState, agent: AgentState): void {
  if (agent.heldFor !== null && !isDispatchable(state, agent)) {
    const run = state.runs.get(agent.heldFor);
    if (run !== undefined) run.heldAgent = null;
    agent.heldFor = null;
  }
  if (isDispatchable(state, agent) && agent.leases.size === 0 && slotsOf(state, agent) > 0) {
    state.idle.add(agent.agentId);
  } else {
    state.idle.delete(agent.agentId);
  }
  agent.freeVersion = state.nextFreeVersion++;
  const free = freeSlots(state, agent);
  if (free === 0) return;
  state.operations++;
  const { agentId, joinIndex, freeVersion: version } = agent;
  heapPush(state.free, { agentId, joinIndex, free, version }, before);
  compact(state);
}

function compact(state: SchedulerState): void {
  if (state.free.length <= 4 * state.agents.size + 64) return;
  state.operations += state.free.length;
  state.free = state.free.filter(
    ({ agentId, version }) => state.agents.get(agentId)?.freeVersion === version,
  );
  heapify(state.free, before);
}
