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
import { agentOf, dependenciesOf, known, taskOf } from './lookup';
import type { PooledAgent } from './indexes';
import { countAgents, fewestFirst, firstInPool, poolOf } from './pools';
import type { AgentState, Lane, PlacementState, RunState, SchedulerState, TaskRecord } from './state';

/** Direct dependencies whose makers are asked for; more do not make the choice better, and nothing is refused for them. */
const MAX_LOCALITY_DEPENDENCIES = 64;

type Accepts = (agent: AgentState) => boolean;

/** The next task of a lane, for which an agent is looked for. */
interface Search {
  readonly state: SchedulerState;
  readonly run: RunState;
  readonly lane: Lane;
  readonly index: number;
  readonly task: TaskRecord;
  /** Null: no rule concerns the task. */
  readonly placement: PlacementState | null;
}

/** The agent for the next task of a lane: free, fitting, and, of several, the one with most of what the task needs. */
export function findAgent(
  state: SchedulerState,
  run: RunState,
  lane: Lane,
  index: number,
): AgentState | undefined {
  const search = searchFor(state, run, lane, index);
  if (search.placement !== null) return findPlaced(search, search.placement);
  return lane.alone ? findIdle(search) : findAny(search);
}

const searchFor = (state: SchedulerState, run: RunState, lane: Lane, index: number): Search => ({
  state,
  run,
  lane,
  index,
  task: taskOf(run, index),
  placement: placementOfLane(run, lane),
});

/** Most free slots, then most of what the task needs on its disk, then first to join. */
function findAny(search: Search): AgentState | undefined {
  const { state, run, index } = search;
  const accepts: Accepts = (agent) =>
    servesRun(agent, run) &&
    isBelowParallel(agent, run) &&
    hasBytes(state, agent) &&
    !isAvoiding(search, agent);
  const best = findFree(state, accepts);
  if (best === undefined) return undefined;
  const most = freeSlots(state, best);
  return nearest(state, run, index, (agent) => freeSlots(state, agent) === most && accepts(agent)) ?? best;
}

/** --parallel is a promise per machine, also while another command with a higher one shares it; --slots overrides. */
const isBelowParallel = (agent: AgentState, run: RunState): boolean =>
  agent.slots !== null || (agent.leasesPerRun.get(run.runId) ?? 0) < run.parallel;

const hasBytes = (state: SchedulerState, agent: AgentState): boolean =>
  agent.bytesWanted <= bytesPerShare(state);

/** An attempt that was lost on an agent is made on another agent, if there is one. */
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

/** As `isDispatchable`, among the agents of a placement: it must not wait for a healthy one that has other labels. */
const isWilling = (state: SchedulerState, placement: PlacementState, agent: AgentState): boolean =>
  isUsable(agent) && (isHealthy(state, agent) || countAgents(state, placement, 'healthy') === 0);

const willingCount = (state: SchedulerState, placement: PlacementState): number =>
  countAgents(state, placement, 'healthy') || countAgents(state, placement, 'usable');

/** An agent that runs nothing, for a task that must be alone and that no rule concerns. */
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

/** The agent with fewest tasks of those that a rule allows, then most of what the task needs, then first to join. */
function findPlaced(search: Search, placement: PlacementState): AgentState | undefined {
  const { state, run, lane, index } = search;
  const accepts: Accepts = (agent) =>
    fitsAgent(run, lane, agent) &&
    (agent.heldFor === null || isHeldFor(agent, run, lane)) &&
    hasRoomFor(state, run, lane, agent) &&
    hasBytes(state, agent) &&
    isWilling(state, placement, agent) &&
    !isAvoiding(search, agent);
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

/** The rule's parallelism in place of --parallel, where it has one. */
function isBelowCap(state: SchedulerState, run: RunState, lane: Lane, agent: AgentState): boolean {
  const cap = capOn(run, lane, agent) ?? ordinarySlots(state, agent);
  return agent.leases.size < cap;
}

const hasRoomFor = (state: SchedulerState, run: RunState, lane: Lane, agent: AgentState): boolean =>
  slotsLeft(state, agent) > 0 &&
  isBelowCap(state, run, lane, agent) &&
  (capOn(run, lane, agent) !== null || isBelowParallel(agent, run));

/**
 * The first agent of a pool that `accepts`; those it refuses are put back.
 * @param isEnough the agents after this one have as many tasks or more, and the looking may end
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

/** The agent that made most of the direct dependencies, of those that `accepts` lets through. */
function nearest(
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
 * A task that bounds the number of tasks on its agent takes one that runs few enough. Without one, an agent is kept
 * free of other tasks until it has finished some of its own: otherwise short tasks could go on forever filling the
 * slots that become free.
 */
export function holdOne(state: SchedulerState, run: RunState, lane: Lane, index: number): void {
  const agent = soonest(searchFor(state, run, lane, index));
  if (agent !== undefined) holdAgent(state, run, lane, agent);
}

function soonest(search: Search): AgentState | undefined {
  if (search.placement !== null) return soonestFitting(search, search.placement);
  return search.lane.alone ? soonestIdle(search) : undefined;
}

/** The agent that will be free soonest, as far as the number of its tasks tells, if no task has to go first. */
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

/** Only an agent with room, which others would take: one without is not lost to anybody before it has some. */
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
