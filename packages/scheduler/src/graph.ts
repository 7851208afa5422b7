import { DteError, type RunSpec } from '@org/dte-protocol';
import { batchesOf } from './batches';
import { chainsOf } from './chains';
import type { RunGraph } from './indexes';
import type { TaskNeed } from './indexes';
import { laneIndex } from './lanes';
import { at, known } from './lookup';

const invalid = (message: string) => new DteError('DTE_INVALID_RUN', message);

/**
 * The problem with the graph of a run, or null: duplicate task ids, a dependency or placement that is not in the run, a
 * cycle of tasks or batches (DTE_INVALID_RUN). Linear. Call it before a run becomes an input, because inputs must not
 * fail.
 */
export function checkRun(spec: RunSpec): DteError | null {
  const ids = new Set<string>();
  const placements = spec.placements?.length ?? 0;
  for (const { id, placement } of spec.tasks) {
    if (ids.has(id)) return invalid(`Run ${spec.runId} names task ${id} twice.`);
    ids.add(id);
    if (placement !== undefined && placement >= placements) {
      return invalid(
        `Task ${id} of run ${spec.runId} names placement ${placement}, which is not in the run.`,
      );
    }
  }
  for (const { id, dependencies, continuousDependencies } of spec.tasks) {
    const missing = [...dependencies, ...continuousDependencies].find((edge) => !ids.has(edge.id));
    if (missing !== undefined) {
      return invalid(`Task ${id} of run ${spec.runId} depends on ${missing.id}, which is not in the run.`);
    }
  }
  const indexOf = indexTasks(spec);
  const { dependencies, dependants } = edgesOf(spec, indexOf);
  const sorted = topologicalOrder(dependencies, dependants);
  if (sorted.length === spec.tasks.length) return checkBatches(spec, dependencies);
  const inCycle = findCycle(dependencies, sorted).map((index) => spec.tasks[index]?.id);
  return invalid(`The tasks of run ${spec.runId} depend on each other in a cycle: ${inCycle.join(' -> ')}.`);
}

/** A batch runs as a whole: the dependencies of its tasks must not wait for other tasks of the batch. */
function checkBatches(spec: RunSpec, dependencies: number[][]): DteError | null {
  const { batchOf, batches } = batchesOf(spec);
  if (batches.length === 0) return null;
  const lone = spec.tasks.find(({ parallelism }, index) => at(batchOf, index) !== null && !parallelism);
  const placementsOf = (members: readonly number[]) =>
    new Set(members.map((index) => at(spec.tasks, index).placement));
  if (batches.some(({ members }) => placementsOf(members).size > 1))
    return invalid(`A batch of run ${spec.runId} has tasks of several placements.`);
  if (lone !== undefined)
    return invalid(`Task ${lone.id} of run ${spec.runId} must run alone but is in a batch.`);
  const user = spec.tasks.find(
    ({ continuousDependencies }, index) => at(batchOf, index) !== null && continuousDependencies.length > 0,
  );
  if (user !== undefined)
    return invalid(`Task ${user.id} of run ${spec.runId} needs a server but is in a batch.`);
  // Batches follow the tasks in this array. A task of a batch is represented by its batch.
  const pieceOf = (index: number): number => {
    const batch = at(batchOf, index);
    return batch === null ? index : spec.tasks.length + batch;
  };
  const needed = Array.from({ length: spec.tasks.length + batches.length }, () => new Set<number>());
  const needing: number[][] = needed.map(() => []);
  for (const [index, list] of dependencies.entries()) {
    const piece = pieceOf(index);
    for (const other of list.map(pieceOf)) {
      if (other === piece || at(needed, piece).has(other)) continue;
      at(needed, piece).add(other);
      at(needing, other).push(piece);
    }
  }
  const sorted = topologicalOrder(
    needed.map((set) => [...set]),
    needing,
  );
  return sorted.length === needed.length
    ? null
    : invalid(`Batches of run ${spec.runId} depend on each other.`);
}

/**
 * Builds the graph of a run that `checkRun` accepted.
 * @param learntMs see the input `run.submit`, as `needs`
 */
export function buildGraph(
  spec: RunSpec,
  learntMs: readonly (number | null)[] = [],
  needs: readonly (TaskNeed | null)[] = [],
): RunGraph {
  const indexOf = indexTasks(spec);
  const { dependencies, dependants } = edgesOf(spec, indexOf);
  const weights = spec.tasks.map(({ weight, initial }, index) =>
    initial.state === 'pending' ? (learntMs[index] ?? weight) : 0,
  );
  const sorted = topologicalOrder(dependencies, dependants);
  const rank = upwardRanks(weights, sorted, dependants);
  return {
    ids: spec.tasks.map((task) => task.id),
    indexOf,
    dependencies,
    dependants,
    priority: priorities(rank, waitingFor(spec, sorted, dependants)),
    rankMs: rank,
    weightMs: weights,
    needs,
    chainOf: chainsOf(spec, { dependencies, dependants, sorted }, (index) => {
      const { placement = null, parallelism } = at(spec.tasks, index);
      return laneIndex(placement, !parallelism);
    }),
    expectedMs: spec.tasks.map(({ weight, weightFrom, initial }, index) =>
      initial.state === 'pending' ? (learntMs[index] ?? (weightFrom === undefined ? null : weight)) : null,
    ),
  };
}

const indexTasks = (spec: RunSpec): Map<string, number> =>
  new Map(spec.tasks.map((task, index) => [task.id, index]));

function edgesOf(spec: RunSpec, indexOf: Map<string, number>) {
  const dependants: number[][] = spec.tasks.map(() => []);
  const dependencies = spec.tasks.map((task, index) => {
    // Nx lists a dependency twice if two of its rules name it. Counted twice, it would never be satisfied.
    const edges = [...task.dependencies, ...task.continuousDependencies];
    const unique = [...new Set(edges.map((edge) => known(indexOf.get(edge.id))))];
    for (const dependency of unique) at(dependants, dependency).push(index);
    return unique;
  });
  return { dependencies, dependants };
}

/** Kahn's algorithm; the result is shorter than the input exactly if there is a cycle. */
function topologicalOrder(dependencies: number[][], dependants: number[][]): number[] {
  const open = dependencies.map((list) => list.length);
  const order: number[] = [];
  open.forEach((count, index) => {
    if (count === 0) order.push(index);
  });
  // The array is also the queue: it grows while it is read.
  for (const index of order) {
    for (const dependant of at(dependants, index)) {
      open[dependant] = at(open, dependant) - 1;
      if (open[dependant] === 0) order.push(dependant);
    }
  }
  return order;
}

/** One cycle, with the first task repeated at the end: from any remaining task, remaining dependencies lead into it. */
function findCycle(dependencies: number[][], sorted: number[]): number[] {
  const done = new Set(sorted);
  const path: number[] = [];
  const placeInPath = new Map<number, number>();
  let place = dependencies.findIndex((_, index) => !done.has(index));
  while (!placeInPath.has(place)) {
    placeInPath.set(place, path.length);
    path.push(place);
    place = known(at(dependencies, place).find((dependency) => !done.has(dependency)));
  }
  return [...path.slice(placeInPath.get(place)), place];
}

/**
 * Longest weighted path from a task to a task without dependents, including its own weight. Highest first is HEFT list
 * scheduling (Topcuoglu, Hariri, Wu 2002, "upward rank", without communication costs).
 */
function upwardRanks(weights: number[], sorted: number[], dependants: number[][]): number[] {
  const rank = [...weights];
  for (const index of [...sorted].reverse()) {
    let longest = 0;
    for (const dependant of at(dependants, index)) {
      longest = Math.max(longest, at(rank, dependant));
    }
    rank[index] = at(rank, index) + longest;
  }
  return rank;
}

/**
 * How many tasks wait for each one directly. What the main job has settled waits for nothing; a server, and a task with nothing to
 * do, end at once, so those behind them wait as well.
 */
function waitingFor(spec: RunSpec, sorted: number[], dependants: number[][]): number[] {
  const waiting = spec.tasks.map(() => 0);
  for (const index of [...sorted].reverse()) {
    for (const dependant of at(dependants, index)) {
      const { state } = at(spec.tasks, dependant).initial;
      const more = state === 'pending' ? 1 : state === 'done' ? 0 : at(waiting, dependant);
      waiting[index] = at(waiting, index) + more;
    }
  }
  return waiting;
}

/** Ranks as positions, so that a ready queue compares one integer: rank, then more tasks that wait, then order in the spec. */
function priorities(rank: number[], waiting: number[]): number[] {
  const order = rank
    .map((_, index) => index)
    .sort((a, b) => at(rank, b) - at(rank, a) || at(waiting, b) - at(waiting, a) || a - b);
  const places = new Array<number>(rank.length);
  order.forEach((index, place) => (places[index] = place));
  return places;
}
