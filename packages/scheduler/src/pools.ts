import type { RunOn } from '@org/dte-protocol';
import { type Before, heapify, heapPop } from './heap';
import type { AgentPool, PooledAgent } from './indexes';
import { at, known, runOf } from './lookup';
import type { AgentState, PlacementState, SchedulerState } from './state';

export const fewestFirst: Before<PooledAgent> = (a, b) =>
  a.leases < b.leases ||
  (a.leases === b.leases &&
    (a.joinIndex < b.joinIndex || (a.joinIndex === b.joinIndex && a.version > b.version)));

/** The entry of a rule that applies to agents with these labels: the first whose label they have. */
export const entryFor = (runOn: readonly RunOn[], labels: readonly string[]): RunOn | undefined =>
  runOn.find(({ label }) => labels.includes(label));

/** The pool of such agents, created if necessary; null if no rule can apply to them. */
export function poolFor(
  state: SchedulerState,
  { labels, slots }: Pick<AgentState, 'labels' | 'slots'>,
): string | null {
  const sorted = [...new Set(labels)].filter((label) => state.mentionedLabels.has(label)).sort();
  if (sorted.length === 0) return null;
  const key = JSON.stringify([slots, ...sorted]);
  if (state.pools.has(key)) return key;
  const pool: AgentPool = { labels: sorted, slots: 0, usable: 0, healthy: 0, free: [] };
  state.pools.set(key, pool);
  for (const runId of state.openRuns) {
    for (const placement of runOf(state, runId).placements) match(placement, key, pool);
  }
  pool.slots = slotsByRules(state, key);
  return key;
}

/** Adds an agent's capacity to its pool, or removes it. */
export function countInPool(
  state: SchedulerState,
  pool: string | null,
  { usable, healthy }: { usable: boolean; healthy: boolean },
  sign: 1 | -1,
): void {
  if (pool === null) return;
  const counts = poolOf(state, pool);
  counts.usable += sign * Number(usable);
  counts.healthy += sign * Number(healthy);
}

/** Records which pools match a new run's placement. */
export function matchPools(state: SchedulerState, placement: PlacementState): void {
  for (const [key, pool] of state.pools) match(placement, key, pool);
}

function match(placement: PlacementState, key: string, { labels }: AgentPool): void {
  const entry = entryFor(placement.runOn, labels);
  if (entry !== undefined) placement.pools.set(key, entry.parallelism);
}

/** The highest parallelism that rules of open runs give to agents of the pool; 0 if there is none. */
export function slotsByRules(state: SchedulerState, key: string): number {
  let highest = 0;
  for (const runId of state.openRuns) {
    for (const { pools } of runOf(state, runId).placements) highest = Math.max(highest, pools.get(key) ?? 0);
  }
  return highest;
}

export const poolOf = (state: SchedulerState, key: string): AgentPool => known(state.pools.get(key));

/** Whether a placement has an agent that may get work, healthy or not. */
export const hasAgents = (state: SchedulerState, { pools }: PlacementState): boolean =>
  [...pools.keys()].some((key) => poolOf(state, key).usable > 0);

/** The agents of a placement that may get work, or only the healthy ones. */
export function countAgents(
  state: SchedulerState,
  { pools }: PlacementState,
  of: 'usable' | 'healthy',
): number {
  let count = 0;
  for (const key of pools.keys()) count += poolOf(state, key)[of];
  return count;
}

/** The agent of a pool with the fewest tasks and free capacity, left in the heap. */
export function firstInPool(state: SchedulerState, pool: AgentPool): AgentState | undefined {
  for (;;) {
    const top = pool.free[0];
    if (top === undefined) return undefined;
    const agent = state.agents.get(top.agentId);
    if (agent?.freeVersion === top.version) return agent;
    state.operations++;
    heapPop(pool.free, fewestFirst);
  }
}

/** True if an agent with labels has free capacity, perhaps only for tasks of rules. */
export function isAnyPooled(state: SchedulerState): boolean {
  for (const pool of state.pools.values()) {
    state.operations++;
    if (firstInPool(state, pool) !== undefined) return true;
  }
  return false;
}

export function compactPool(state: SchedulerState, pool: AgentPool): void {
  if (pool.free.length <= 4 * pool.usable + 64) return;
  state.operations += pool.free.length;
  pool.free = pool.free.filter(({ agentId, version }) => state.agents.get(agentId)?.freeVersion === version);
  heapify(pool.free, fewestFirst);
}

export const placementOf = (
  placements: readonly PlacementState[],
  index: number | null,
): PlacementState | null => (index === null ? null : at(placements, index));
