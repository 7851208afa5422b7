import type { Capacity } from '@org/dte-protocol';
import {
  dispatchableCount,
  isDispatchable,
  isHealthy,
  isUsable,
  ordinarySlots,
  servesRun,
  slotsOf,
} from './free-agents';
import { capOn, fitsAgent, placementOfLane } from './lanes';
import { bytesPerShare } from './leases';
import { taskOf } from './lookup';
import { fitsBeside, isLarger, isLargeEnough, needOf } from './packing';
import { countAgents } from './pools';
import type { AgentState, Lane, PlacementState, RunState, SchedulerState, TaskRecord } from './state';

// What a search for an agent looks for, and the conditions that several of them share.

export type Accepts = (agent: AgentState) => boolean;

/** The largest agent that may have tasks of a lane, by lane. */
export type LargestOf = Map<Lane, AgentState | undefined>;

/** The next task of a lane, which needs an agent. */
export interface Next {
  readonly lane: Lane;
  readonly index: number;
  /** It may have the agent that is reserved for its lane: none before it in the lane waits. */
  readonly isFirst: boolean;
  /** Shared by the searches of one round, in which agents do not change but for what they run. */
  readonly largest?: LargestOf;
}

export interface Search extends Next {
  readonly state: SchedulerState;
  readonly run: RunState;
  readonly task: TaskRecord;
  /** Null: no rule applies to the task. */
  readonly placement: PlacementState | null;
  /** What it needs of agents that pack. */
  readonly need: Capacity;
  readonly largest: LargestOf;
  /** What else its agent must be; undefined: nothing. */
  readonly also?: Accepts | undefined;
}

export const searchFor = (state: SchedulerState, run: RunState, next: Next): Search => {
  const task = taskOf(run, next.index);
  return {
    ...next,
    state,
    run,
    task,
    placement: placementOfLane(run, next.lane),
    need: needOf(run, next.index),
    // A task that avoids an agent has a largest one of its own.
    largest: (task.lostOn.length === 0 ? next.largest : undefined) ?? new Map<Lane, AgentState | undefined>(),
  };
};

export const hasBytes = (state: SchedulerState, agent: AgentState): boolean =>
  agent.bytesWanted <= bytesPerShare(state);

/** If an attempt was lost on an agent, the next one is made on another agent, if there is one. */
export function isAvoiding({ state, run, placement, task }: Search, agent: AgentState): boolean {
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
export const isWilling = (state: SchedulerState, placement: PlacementState, agent: AgentState): boolean =>
  isUsable(agent) && (isHealthy(state, agent) || countAgents(state, placement, 'healthy') === 0);

const willingCount = (state: SchedulerState, placement: PlacementState): number =>
  countAgents(state, placement, 'healthy') || countAgents(state, placement, 'usable');

export const comesFirst = (a: AgentState, b: AgentState): boolean =>
  a.leases.size < b.leases.size || (a.leases.size === b.leases.size && a.joinIndex < b.joinIndex);

/** The rule's parallelism instead of --parallel, if it has one. */
export function isBelowCap(state: SchedulerState, run: RunState, lane: Lane, agent: AgentState): boolean {
  const cap = capOn(run, lane, agent) ?? ordinarySlots(state, agent);
  return agent.leases.size < cap;
}

/** May the agent have the task at all, once it runs nothing? */
export const isEligible = (search: Search, agent: AgentState): boolean =>
  isDispatchable(search.state, agent) &&
  servesRun(agent, search.run) &&
  fitsAgent(search.run, search.lane, agent) &&
  !isAvoiding(search, agent);

/** There is room for the task. What is too large for an agent waits for a larger one, if there is one that may have it. */
export function fits(search: Search, agent: AgentState): boolean {
  const { state, need } = search;
  if (agent.capacity === null) return true;
  const slots = slotsOf(state, agent);
  if (!fitsBeside(agent, need, slots)) return false;
  return isLargeEnough(agent, need, slots) || !hasLarger(search, agent);
}

/** It may have the task once it is empty enough. */
export const suits = (search: Search, agent: AgentState): boolean =>
  isEligible(search, agent) &&
  (isLargeEnough(agent, search.need, slotsOf(search.state, agent)) || !hasLarger(search, agent));

function hasLarger(search: Search, agent: AgentState): boolean {
  const { lane, largest } = search;
  if (!largest.has(lane)) largest.set(lane, findLargest(search));
  const most = largest.get(lane);
  return most !== undefined && isLarger(most, agent);
}

function findLargest(search: Search): AgentState | undefined {
  let most: AgentState | undefined;
  for (const agent of search.state.agents.values()) {
    search.state.operations++;
    if ((most === undefined || isLarger(agent, most)) && isEligible(search, agent)) most = agent;
  }
  return most;
}
