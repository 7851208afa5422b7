import { firstFree, holdAgent, isDispatchable, releaseHold, servesRun, slotsOf } from './free-agents';
import { capOn, fitsAgent, lanesBefore } from './lanes';
import { agentOf } from './lookup';
import { fitsBeside } from './packing';
import { firstInPool, poolOf } from './pools';
import { drainMs } from './remaining';
import {
  comesFirst,
  isAvoiding,
  isBelowCap,
  isWilling,
  type Next,
  type Search,
  searchFor,
  suits,
} from './search';
import type { AgentState, PlacementState, RunState, SchedulerState } from './state';

/**
 * A task that limits the number of tasks on its agent gets an agent that runs few enough. If there is none, an agent is
 * reserved until enough of its own tasks have finished: otherwise, short tasks could fill every slot that becomes free,
 * forever.
 */
export function holdOne(state: SchedulerState, run: RunState, next: Next): void {
  const { lane, isFirst } = next;
  const search = searchFor(state, run, next);
  if (lane.heldAgent !== null) {
    // Another task may be the first of its lane by now, which the reserved agent is too small for.
    if (!isFirst || suits(search, agentOf(state, lane.heldAgent))) return;
    releaseHold(state, lane);
  }
  const agent = soonest(search);
  if (agent !== undefined) holdAgent(state, run, lane, agent);
}

function soonest(search: Search): AgentState | undefined {
  if (search.placement !== null) return soonestFitting(search, search.placement) ?? soonestLarge(search);
  return search.lane.alone ? soonestIdle(search) : soonestLarge(search);
}

/** The agent that will be free soonest, by what its tasks are expected to take and then by their number, if no other task comes first. */
function soonestIdle(search: Search): AgentState | undefined {
  const { state, run, lane } = search;
  const sooner = lanesBefore(run, lane);
  if (sooner.some(({ placement }) => placement === null)) return undefined;
  let least: { agent: AgentState; ms: number } | undefined;
  for (const agent of state.agents.values()) {
    state.operations++;
    if (!isDispatchable(state, agent) || !servesRun(agent, run) || agent.heldFor !== null) continue;
    if (isAvoiding(search, agent)) continue;
    if (sooner.some((other) => fitsAgent(run, other, agent))) continue;
    const ms = drainMs(state, agent);
    const isSooner = least === undefined || ms < least.ms;
    if (isSooner || (ms === least?.ms && agent.leases.size < least.agent.leases.size)) least = { agent, ms };
  }
  return least?.agent;
}

/** For a task that no agent has room for although some have free slots: the agent that could run it and is empty soonest. */
function soonestLarge(search: Search): AgentState | undefined {
  const { state, lane, need, isFirst } = search;
  if (lane.alone || !isFirst || state.packing.size === 0) return undefined;
  if (firstFree(state) === undefined && search.placement === null) return undefined;
  let least: { agent: AgentState; ms: number } | undefined;
  for (const agentId of state.packing) {
    const agent = agentOf(state, agentId);
    state.operations++;
    if (agent.heldFor !== null || fitsBeside(agent, need, slotsOf(state, agent)) || !suits(search, agent))
      continue;
    const ms = drainMs(state, agent);
    if (least === undefined || ms < least.ms) least = { agent, ms };
  }
  return least?.agent;
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
