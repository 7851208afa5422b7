import { goesFirst } from './alone';
import { heapPush } from './heap';
import { at, known, taskOf } from './lookup';
import { placementOf } from './pools';
import type { AgentState, Lane, PlacementState, RunState, SchedulerState } from './state';

/** Two for each placement and two for tasks that run on any agent: tasks that share an agent, and tasks that must run alone. */
export const createLanes = (placements: number): Lane[] =>
  [null, ...Array.from({ length: placements }, (_, index) => index)].flatMap((placement) =>
    [false, true].map((alone) => ({ placement, alone, ready: [], heldAgent: null, chains: [], width: 0 })),
  );

export const laneIndex = (placement: number | null, alone: boolean): number =>
  2 * (placement === null ? 0 : placement + 1) + Number(alone);

/** Order of a run's ready queues. */
export const byPriority =
  ({ graph: { priority } }: RunState) =>
  (a: number, b: number): boolean =>
    at(priority, a) < at(priority, b);

/** Puts a ready task into its queue. */
export function queueTask(state: SchedulerState, run: RunState, index: number): void {
  state.operations++;
  heapPush(at(run.lanes, taskOf(run, index).lane).ready, index, byPriority(run));
}

export const hasReady = (run: RunState, except: ReadonlySet<Lane>): boolean =>
  run.lanes.some((lane) => lane.ready.length > 0 && !except.has(lane));

/** The next lane: one that reserves an agent or has an idle one to itself, else the one with the task that should run soonest. */
export function nextLane(state: SchedulerState, run: RunState, stuck: ReadonlySet<Lane>): Lane | undefined {
  const first = byPriority(run);
  let best: Lane | undefined;
  for (const lane of run.lanes) {
    if (lane.ready.length === 0 || stuck.has(lane)) continue;
    state.operations++;
    // A reservation stays, whatever becomes ready later: others cannot use the agent.
    if (lane.heldAgent !== null || goesFirst(state, run, lane)) return lane;
    if (best === undefined || first(at(lane.ready, 0), at(best.ready, 0))) best = lane;
  }
  return best;
}

/** Lanes of the run whose next task should run sooner than that of `lane`. */
export function lanesBefore(run: RunState, lane: Lane): Lane[] {
  const first = byPriority(run);
  const next = at(lane.ready, 0);
  return run.lanes.filter((other) => other.ready.length > 0 && first(at(other.ready, 0), next));
}

export const placementOfLane = (run: RunState, lane: Lane): PlacementState | null =>
  placementOf(run.placements, lane.placement);

/** May the tasks of the lane run on this agent at all? */
export function fitsAgent(run: RunState, lane: Lane, { pool }: AgentState): boolean {
  const placement = placementOfLane(run, lane);
  return placement === null || (pool !== null && placement.pools.has(pool));
}

/** The lane's own limit for the number of tasks on an agent; null: none. */
export function capOn(run: RunState, lane: Lane, { pool }: AgentState): number | null {
  if (lane.alone) return 1;
  const placement = placementOfLane(run, lane);
  return placement === null ? null : (placement.pools.get(known(pool ?? undefined)) ?? null);
}
