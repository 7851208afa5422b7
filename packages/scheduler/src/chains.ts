import type { RunSpec } from '@org/dte-protocol';
import { at, taskOf } from './lookup';
import type { RunState } from './state';

// How many tasks of a run can run at the same time from now on, as an upper bound that costs nothing to keep up to date.
//
// Tasks that run at the same time do not depend on each other. So if all tasks are divided into chains (each task of a chain depends,
// directly or not, on the one before it), at most one of each chain runs at a time, and as many run at once as chains have tasks left
// (Dilworth 1950: the fewest chains are exactly as many as tasks can be independent of each other). A part of a chain is a chain, so that
// the chains are built once, and the bound holds whatever has ended since, in whatever order: a retried or lost task has not ended, and
// of a batch each task is counted although one process runs all. What a second start needs comes on top (`early-release.ts`).
//
// The chains are found greedily and along direct edges, tasks at the end of the graph first, because agents leave near the end. There may be
// more of them than necessary; then agents leave a little later (random graphs of the specs: 3% more).

type Edges = readonly (readonly number[])[];

interface Tasks {
  /** It takes a slot of an agent. */
  readonly isWork: readonly boolean[];
  readonly dependencies: Edges;
  readonly dependants: Edges;
  /** Dependencies before dependents. */
  readonly sorted: readonly number[];
}

/** How many tasks without work of their own, one behind the other, a chain may pass; a longer way only makes more chains. */
const MOST_PASSED = 8;

/** For each task, the one behind it in its chain; -1: it is the last. */
function nextInChain({ isWork, dependencies, dependants, sorted }: Tasks): number[] {
  const next = sorted.map(() => -1);
  const isTaken = sorted.map(() => false);
  // How many dependents of a task without work have been looked at in vain: what is taken stays taken.
  const passed = sorted.map(() => 0);
  const findBehind = (index: number, depth: number): number => {
    const behind = at(dependants, index);
    for (; at(passed, index) < behind.length; passed[index] = at(passed, index) + 1) {
      const other = at(behind, at(passed, index));
      if (at(isWork, other)) {
        if (!at(isTaken, other)) return other;
        continue;
      }
      if (depth >= MOST_PASSED) continue;
      const found = findBehind(other, depth + 1);
      if (found >= 0) return found;
    }
    return -1;
  };
  for (const index of [...sorted].reverse()) {
    if (!at(isWork, index)) continue;
    let best = -1;
    for (const other of at(dependants, index)) {
      if (!at(isWork, other) || at(isTaken, other)) continue;
      // The one that fewest others could have before them.
      if (best < 0 || at(dependencies, other).length < at(dependencies, best).length) best = other;
    }
    for (const other of best >= 0 ? [] : at(dependants, index))
      if (best < 0 && !at(isWork, other)) best = findBehind(other, 1);
    next[index] = best;
    if (best >= 0) isTaken[best] = true;
  }
  return next;
}

/**
 * The chain of each task, counted from 0 among the tasks of the same lane; -1 for a task that no agent runs. Tasks of a lane that are in
 * the same chain have the same number.
 * @param laneOf the lane of each task
 */
export function chainsOf(
  spec: RunSpec,
  graph: Omit<Tasks, 'isWork'>,
  laneOf: (index: number) => number,
): number[] {
  const isWork = spec.tasks.map(({ initial }) => initial.state === 'pending');
  const next = nextInChain({ ...graph, isWork });
  const chainOf = spec.tasks.map(() => -1);
  const used = new Map<number, number>();
  for (const first of graph.sorted) {
    if (!at(isWork, first) || at(chainOf, first) >= 0) continue;
    const numbers = new Map<number, number>();
    for (let index = first; index >= 0; index = at(next, index)) {
      const lane = laneOf(index);
      const number = numbers.get(lane) ?? used.get(lane) ?? 0;
      if (!numbers.has(lane)) used.set(lane, number + 1);
      numbers.set(lane, number);
      chainOf[index] = number;
    }
  }
  return chainOf;
}

/** Call it once for each task of a new run. */
export function enterChain(run: RunState, index: number): void {
  const chain = at(run.graph.chainOf, index);
  if (chain < 0) return;
  const lane = at(run.lanes, taskOf(run, index).lane);
  const open = lane.chains[chain] ?? 0;
  if (open === 0) lane.width++;
  lane.chains[chain] = open + 1;
}

/** The task has ended. */
export function leaveChain(run: RunState, index: number): void {
  const chain = at(run.graph.chainOf, index);
  if (chain < 0) return;
  const lane = at(run.lanes, taskOf(run, index).lane);
  const open = at(lane.chains, chain) - 1;
  lane.chains[chain] = open;
  if (open === 0) lane.width--;
}
