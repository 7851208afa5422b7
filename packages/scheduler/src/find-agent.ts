import { findFree, freeSlots, isHeldFor, servesRun, slotsLeft } from './free-agents';
import { heapPop, heapPush } from './heap';
import type { PooledAgent } from './indexes';
import { capOn, fitsAgent } from './lanes';
import { nearer } from './locality';
import { agentOf, at, known, taskOf } from './lookup';
import { fewestFirst, firstInPool, poolOf } from './pools';
import { drainMs } from './remaining';
import {
  type Accepts,
  comesFirst,
  fits,
  hasBytes,
  isAvoiding,
  isBelowCap,
  isWilling,
  type Next,
  type Search,
  searchFor,
} from './search';
import type { AgentState, Lane, PlacementState, RunState, SchedulerState } from './state';

/** Agents that are looked at for a task that the first ones, with most free slots, have no room for; not a limit of agents. */
const MAX_REFUSED = 32;

/** The agent for the next task of a lane: free, matching and, of several, the one that has most of the task's dependencies. */
export const findAgent = (state: SchedulerState, run: RunState, next: Next): AgentState | undefined =>
  find(searchFor(state, run, next));

/** As for `findAgent`, for any task of the run, among the agents that `also` accepts. */
export function findOther(
  state: SchedulerState,
  run: RunState,
  index: number,
  also: Accepts,
): AgentState | undefined {
  const lane = at(run.lanes, taskOf(run, index).lane);
  return find({ ...searchFor(state, run, { lane, index, isFirst: false }), also });
}

function find(search: Search): AgentState | undefined {
  if (search.placement !== null) return findPlaced(search, search.placement);
  return search.lane.alone ? findIdle(search) : findAny(search);
}

/** Most free slots, unless moving the dependencies would take longer; then most of them on its disk, then first to join. */
function findAny(search: Search): AgentState | undefined {
  const { state, run, lane, index, isFirst } = search;
  const accepts: Accepts = (agent) =>
    servesRun(agent, run) &&
    isBelowParallel(agent, run) &&
    hasBytes(state, agent) &&
    !isAvoiding(search, agent) &&
    fits(search, agent) &&
    search.also?.(agent) !== false;
  const held = lane.heldAgent === null ? undefined : agentOf(state, lane.heldAgent);
  const mayHaveHeld = (): boolean => held !== undefined && slotsLeft(state, held) > 0 && accepts(held);
  if (isFirst && mayHaveHeld()) return held;
  const most = state.packing.size === 0 ? Infinity : MAX_REFUSED;
  // A slow agent only if there is no other: there, a task takes several times as long.
  const best =
    findFree(state, (agent) => !agent.slow && accepts(agent), most) ?? findFree(state, accepts, most);
  if (best === undefined)
    return held !== undefined && isOverSoon(search, held) && mayHaveHeld() ? held : undefined;
  const isFree: Accepts = (agent) =>
    freeSlots(state, agent) > 0 && agent.slow === best.slow && accepts(agent);
  return nearer(state, { run, index, best }, isFree, (agent) => -freeSlots(state, agent)) ?? best;
}

/**
 * May the task have the agent that is reserved for an earlier one of its lane, while that waits for what runs there? What ends before
 * that does not delay it.
 */
function isOverSoon({ state, run, index, isFirst }: Search, held: AgentState): boolean {
  const expectedMs = at(run.graph.expectedMs, index);
  return !isFirst && expectedMs !== null && expectedMs <= drainMs(state, held);
}

/** --parallel applies per machine, even if a command with a higher value shares the machine; --slots overrides it. */
const isBelowParallel = (agent: AgentState, run: RunState): boolean =>
  agent.slots !== null || (agent.leasesPerRun.get(run.runId) ?? 0) < run.parallel;

/** An agent that runs nothing, for a task that must run alone and to which no rule applies. */
function findIdle(search: Search): AgentState | undefined {
  const { state, run, lane, index } = search;
  const accepts: Accepts = (agent) =>
    servesRun(agent, run) &&
    (agent.heldFor === null || isHeldFor(agent, run, lane)) &&
    !isAvoiding(search, agent);
  for (const agentId of state.idle) {
    state.operations++;
    const best = agentOf(state, agentId);
    if (!accepts(best)) continue;
    const isIdle: Accepts = (agent) => state.idle.has(agent.agentId) && accepts(agent);
    return nearer(state, { run, index, best }, isIdle, () => 0) ?? best;
  }
  return undefined;
}

/** Of the agents that a rule allows: fewest tasks, then most of the task's dependencies, then first to join. */
function findPlaced(search: Search, placement: PlacementState): AgentState | undefined {
  const { state, run, lane, index } = search;
  const accepts: Accepts = (agent) =>
    fitsAgent(run, lane, agent) &&
    (agent.heldFor === null || (isHeldFor(agent, run, lane) && mayHave(search, agent))) &&
    hasRoomFor(state, run, lane, agent) &&
    hasBytes(state, agent) &&
    isWilling(state, placement, agent) &&
    !isAvoiding(search, agent) &&
    fits(search, agent) &&
    search.also?.(agent) !== false;
  const held = lane.heldAgent === null ? undefined : agentOf(state, lane.heldAgent);
  if (held !== undefined && accepts(held)) return held;
  let best: AgentState | undefined;
  for (const key of placement.pools.keys()) {
    const found = findInPool(state, key, accepts, (agent) => !isBelowCap(state, run, lane, agent));
    if (found !== undefined && (best === undefined || comesFirst(found, best))) best = found;
  }
  if (best === undefined) return undefined;
  return nearer(state, { run, index, best }, accepts, (agent) => agent.leases.size) ?? best;
}

/** The agent is reserved for the lane. If it packs, that is for the lane's first task: others would take its room bit by bit. */
const mayHave = (search: Search, held: AgentState): boolean =>
  search.isFirst || held.capacity === null || isOverSoon(search, held);

const hasRoomFor = (state: SchedulerState, run: RunState, lane: Lane, agent: AgentState): boolean =>
  slotsLeft(state, agent) > 0 &&
  isBelowCap(state, run, lane, agent) &&
  (capOn(run, lane, agent) !== null || isBelowParallel(agent, run));

/**
 * The first agent of a pool that `accepts`; rejected ones are put back.
 * @param isEnough the agents after this one have at least as many tasks, and the search may stop
 */
function findInPool(
  state: SchedulerState,
  key: string,
  accepts: Accepts,
  isEnough: Accepts,
): AgentState | undefined {
  const pool = poolOf(state, key);
  const refused: PooledAgent[] = [];
  let found = firstInPool(state, pool);
  while (found !== undefined && !accepts(found)) {
    state.operations++;
    if (isEnough(found)) {
      found = undefined;
      break;
    }
    refused.push(known(heapPop(pool.free, fewestFirst)));
    found = firstInPool(state, pool);
  }
  for (const entry of refused) heapPush(pool.free, entry, fewestFirst);
  return found;
}
