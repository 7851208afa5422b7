import type { RunGraph } from './indexes';
import { at, taskOf } from './lookup';
import { firstInPool, placementOf, poolOf } from './pools';
import type { Lane, RunState, SchedulerState } from './state';

/**
 * A task that must run alone loses nothing but its own time on an agent that runs nothing, while any other agent must first be
 * emptied, with more and more of its slots idle. So it goes first where an agent is idle, even before tasks with a higher rank, if
 * these can wait that long: the run cannot end before its remaining work has gone through all slots, and a rank that fits into that
 * time together with the task that goes first makes nothing later.
 */
export function goesFirst(state: SchedulerState, run: RunState, lane: Lane): boolean {
  if (!lane.alone || lane.ready.length === 0) return false;
  const { agents, slots } = state.usable;
  // With one slot on each agent, every task runs alone.
  if (slots <= agents || !hasIdle(state, run, lane)) return false;
  const { rankMs, weightMs } = run.graph;
  let highest = 0;
  for (const other of run.lanes) {
    state.operations++;
    const [top] = other.ready;
    if (top !== undefined && !other.alone) highest = Math.max(highest, at(rankMs, top));
  }
  return highest + at(weightMs, at(lane.ready, 0)) <= run.waitingMs / slots;
}

function hasIdle(state: SchedulerState, run: RunState, { placement }: Lane): boolean {
  const rule = placementOf(run.placements, placement);
  if (rule === null) return state.idle.size > 0;
  for (const key of rule.pools.keys()) {
    state.operations++;
    if (firstInPool(state, poolOf(state, key))?.leases.size === 0) return true;
  }
  return false;
}

/** What a task takes of the slots of a run. One that runs alone takes all slots of its agent. */
export const slotMsOf = (
  run: { parallel: number; tasks: readonly { parallelism: boolean }[] },
  graph: RunGraph,
  index: number,
): number => at(graph.weightMs, index) * (at(run.tasks, index).parallelism ? 1 : run.parallel);

/**
 * Call it before tasks that wait get an agent or end (-1), and before those that have one wait again (1).
 */
export function countWaiting(run: RunState, indices: Iterable<number>, sign: 1 | -1): void {
  for (const index of indices) {
    const { name } = taskOf(run, index).state;
    const isCounted = name !== 'leased' && name !== 'ended';
    if (isCounted === sign < 0) run.waitingMs += sign * slotMsOf(run, run.graph, index);
  }
}
