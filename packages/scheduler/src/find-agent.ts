import {
  dispatchableCount,
  findFree,
  freeSlots,
  holdAgent,
  isDispatchable,
  isHealthy,
  isHeldFor,
  isUsable,
  ordinarySlots,
  servesRun,
  slotsLeft,
} from './free-agents';
import { heapPop, heapPush } from './heap';
import { capOn, fitsAgent, lanesBefore, placementOfLane } from './lanes';
import { bytesPerShare } from './leases';
import { agentOf, at, dependenciesOf, known, taskOf } from './lookup';
import type { PooledAgent } from './indexes';
import { countAgents, fewestFirst, firstInPool, poolOf } from './pools';
import type { AgentState, Lane, PlacementState, RunState, SchedulerState, TaskRecord } from './state';

/** Direct dependencies whose agents are considered. More would not improve the choice. Not a limit: nothing is rejected for it. */
const MAX_LOCALITY_DEPENDENCIES = 64;

type Accepts = (agent: AgentState) => boolean;

/** The next task of a lane, which needs an agent. */
interface Search {
  readonly state: SchedulerState;
  readonly run: RunState;
  readonly lane: Lane;
  readonly index: number;
  readonly task: TaskRecord;
  /** Null: no rule applies to the task. */
  readonly placement: PlacementState | null;
  /** What else its agent must be; undefined: nothing. */
  readonly also?: Accepts | undefined;
}

/** The agent for the next task of a lane: free, matching and, of several, the one that has most of the task's dependencies. */
export const findAgent = (
  state: SchedulerState,
  run: RunState,
  lane: Lane,
  index: number,
): AgentState | undefined => find(searchFor(state, run, lane, index));

/** As for `findAgent`, for any task of the run, among the agents that `also` accepts. */
export const findOther = (
  state: SchedulerState,
  run: RunState,
  index: number,
  also: Accepts,
): AgentState | undefined =>
  find({ ...searchFor(state, run, at(run.lanes, taskOf(run, index).lane), index), also });

function find(search: Search): AgentState | undefined {
  if (search.placement !== null) return findPlaced(search, search.placement);
  return search.lane.alone ? findIdle(search) : findAny(search);
}

const searchFor = (state: SchedulerState, run: RunState, lane: Lane, index: number): Search => ({
  state,
  run,
  lane,
  index,
  task: taskOf(run, index),
  placement: placementOfLane(run, lane),
});

/** Most free slots, then most of the task's dependencies on its disk, then first to join. */
function findAny(search: Search): AgentState | undefined {
  const { state, run, index } = search;
  const accepts: Accepts = (agent) =>
    servesRun(agent, run) &&
    isBelowParallel(agent, run) &&
    hasBytes(state, agent) &&
    !isAvoiding(search, agent) &&
    search.also?.(agent) !== false;
  // A slow agent only if there is no other: there, a task takes several times as long.
  const best = findFree(state, (agent) => !agent.slow && accepts(agent)) ?? findFree(state, accepts);
  if (best === undefined) return undefined;
  const most = freeSlots(state, best);
  return (
    nearest(
      state,
      run,
      index,
      (agent) => freeSlots(state, agent) === most && agent.slow === best.slow && accepts(agent),
    ) ?? best
  );
}

/** --parallel applies per machine, even if a command with a higher value shares the machine; --slots overrides it. */
const isBelowParallel = (agent: AgentState, run: RunState): boolean =>
  agent.slots !== null || (agent.leasesPerRun.get(run.runId) ?? 0) < run.parallel;

export const hasBytes = (state: SchedulerState, agent: AgentState): boolean =>
  agent.bytesWanted <= bytesPerShare(state);

/** If an attempt was lost on an agent, the next one is made on another agent, if there is one. */
function isAvoiding({ state, run, placement, task }: Search, agent: AgentState): boolean {
  if (!task.lostOn.includes(agent.agentId)) return false;
  const alsoLostOn = task.lostOn.filter((agentId) => {
    const other = state.agents.get(agentId);
    if (other === undefined) return false;
    return placement === null
      ? isDispatchable(state, other)
      : other.pool !== null && placement.pools.has(other.pool) && isWilling(state, placement, other);
  });
  const all = placement === null ? dispatchableCount(state, run) : willingCount(state, placement);
  return all > alsoLostOn.length;
}

/** Like `isDispatchable`, among the agents of a placement: the task must not wait for a healthy agent with other labels. */
const isWilling = (state: SchedulerState, placement: PlacementState, agent: AgentState): boolean =>
  isUsable(agent) && (isHealthy(state, agent) || countAgents(state, placement, 'healthy') === 0);

const willingCount = (state: SchedulerState, placement: PlacementState): number =>
  countAgents(state, placement, 'healthy') || countAgents(state, placement, 'usable');

/** An agent that runs nothing, for a task that must run alone and to which no rule applies. */
function findIdle(search: Search): AgentState | undefined {
  const { state, run, lane, index } = search;
  const accepts: Accepts = (agent) =>
    servesRun(agent, run) &&
    (agent.heldFor === null || isHeldFor(agent, run, lane)) &&
    !isAvoiding(search, agent);
  const near = nearest(state, run, index, (agent) => state.idle.has(agent.agentId) && accepts(agent));
  if (near !== undefined) return near;
  for (const agentId of state.idle) {
    state.operations++;
    const agent = agentOf(state, agentId);
    if (accepts(agent)) return agent;
  }
  return undefined;
}

/** Of the agents that a rule allows: fewest tasks, then most of the task's dependencies, then first to join. */
function findPlaced(search: Search, placement: PlacementState): AgentState | undefined {
  const { state, run, lane, index } = search;
  const accepts: Accepts = (agent) =>
    fitsAgent(run, lane, agent) &&
    (agent.heldFor === null || isHeldFor(agent, run, lane)) &&
    hasRoomFor(state, run, lane, agent) &&
    hasBytes(state, agent) &&
    isWilling(state, placement, agent) &&
    !isAvoiding(search, agent) &&
    search.also?.(agent) !== false;
  const held = lane.heldAgent === null ? undefined : agentOf(state, lane.heldAgent);
  if (held !== undefined && accepts(held)) return held;
  let best: AgentState | undefined;
  for (const key of placement.pools.keys()) {
    const found = findInPool(state, key, accepts, (agent) => !isBelowCap(state, run, lane, agent));
    if (found !== undefined && (best === undefined || comesFirst(found, best))) best = found;
  }
  if (best === undefined) return undefined;
  const { size } = best.leases;
  return nearest(state, run, index, (agent) => agent.leases.size === size && accepts(agent)) ?? best;
}

const comesFirst = (a: AgentState, b: AgentState): boolean =>
  a.leases.size < b.leases.size || (a.leases.size === b.leases.size && a.joinIndex < b.joinIndex);

/** The rule's parallelism instead of --parallel, if it has one. */
function isBelowCap(state: SchedulerState, run: RunState, lane: Lane, agent: AgentState): boolean {
  const cap = capOn(run, lane, agent) ?? ordinarySlots(state, agent);
  return agent.leases.size < cap;
}

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

/** The agent that made most of the direct dependencies, of those that `accepts`. */
export function nearest(
  state: SchedulerState,
  run: RunState,
  index: number,
  accepts: Accepts,
): AgentState | undefined {
  const made = new Map<string, number>();
  for (const dependency of dependenciesOf(run, index).slice(0, MAX_LOCALITY_DEPENDENCIES)) {
    const { madeOn } = taskOf(run, dependency);
    state.operations++;
    if (madeOn !== null) made.set(madeOn, (made.get(madeOn) ?? 0) + 1);
  }
  let best: AgentState | undefined;
  for (const [agentId, count] of made) {
    const agent = state.agents.get(agentId);
    if (agent === undefined || !accepts(agent)) continue;
    const bestCount = best === undefined ? 0 : known(made.get(best.agentId));
    const sooner = best === undefined || agent.joinIndex < best.joinIndex;
    if (count > bestCount || (count === bestCount && sooner)) best = agent;
  }
  return best;
}

/**
 * A task that limits the number of tasks on its agent gets an agent that runs few enough. If there is none, an agent is
 * reserved until enough of its own tasks have finished: otherwise, short tasks could fill every slot that becomes free,
 * forever.
 */
export function holdOne(state: SchedulerState, run: RunState, lane: Lane, index: number): void {
  const agent = soonest(searchFor(state, run, lane, index));
  if (agent !== undefined) holdAgent(state, run, lane, agent);
}

function soonest(search: Search): AgentState | undefined {
  if (search.placement !== null) return soonestFitting(search, search.placement);
  return search.lane.alone ? soonestIdle(search) : undefined;
}

/** The agent that will be free soonest, judged by its number of tasks, if no other task comes first. */
function soonestIdle(search: Search): AgentState | undefined {
  const { state, run, lane } = search;
  const sooner = lanesBefore(run, lane);
  if (sooner.some(({ placement }) => placement === null)) return undefined;
  let least: AgentState | undefined;
  for (const agent of state.agents.values()) {
    state.operations++;
    if (!isDispatchable(state, agent) || !servesRun(agent, run) || agent.heldFor !== null) continue;
    if (isAvoiding(search, agent)) continue;
    if (sooner.some((other) => fitsAgent(run, other, agent))) continue;
    if (least === undefined || agent.leases.size < least.leases.size) least = agent;
  }
  return least;
}

/** Only an agent with free capacity, which others would use. Reserving a full one has no cost until it has capacity. */
function soonestFitting(search: Search, placement: PlacementState): AgentState | undefined {
  const { state, run, lane } = search;
  let least: AgentState | undefined;
  for (const key of placement.pools.keys()) {
    const agent = firstInPool(state, poolOf(state, key));
    state.operations++;
    if (agent === undefined || !isWilling(state, placement, agent) || isAvoiding(search, agent)) continue;
    if (capOn(run, lane, agent) === null || isBelowCap(state, run, lane, agent)) continue;
    if (least === undefined || comesFirst(agent, least)) least = agent;
  }
  return least;
}
