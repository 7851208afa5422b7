import { at } from '../model/at';
import { Heap } from './heap';

/** Where a job runs: on a slot of an agent, on one of the main job, or nowhere, because there is nothing to do. */
export type Place = 'agent' | 'main' | 'nowhere';

export interface Job {
  readonly durationMs: number;
  readonly place: Place;
  /** Indexes of the jobs that must end first. */
  readonly dependencies: readonly number[];
}

interface Moment {
  readonly atMs: number;
  /** The job that ends then; null: a slot comes. */
  readonly job: number | null;
  /** Where a slot is free then. */
  readonly frees: Place;
}

/**
 * When the last job ends if each slot that is free takes the ready job with the longest chain of work behind it; null if some
 * can never run, because there is no slot for them.
 * Algorithm: list scheduling, R. L. Graham, "Bounds on Multiprocessing Timing Anomalies", SIAM Journal on Applied Mathematics
 * 17(2), 1969; the order of the list is that of the critical path ("highest level first").
 * @param slots when each slot of an agent and of the main job is there, in milliseconds after the beginning
 */
export function listSchedule(
  jobs: readonly Job[],
  slots: Readonly<Record<'agent' | 'main', readonly number[]>>,
): number | null {
  const dependants = dependantsOf(jobs);
  const levels = levelsOf(jobs, dependants);
  const open = jobs.map(({ dependencies }) => dependencies.length);
  const moments = new Heap<Moment>((a, b) => a.atMs < b.atMs);
  const longestFirst = (): Heap<number> => new Heap((a, b) => at(levels, a) > at(levels, b));
  const ready = { agent: longestFirst(), main: longestFirst(), nowhere: longestFirst() };
  const free = { agent: 0, main: 0, nowhere: Infinity };
  for (const place of ['agent', 'main'] as const)
    for (const atMs of slots[place]) moments.push({ atMs, job: null, frees: place });
  const offer = (job: number): void => ready[at(jobs, job).place].push(job);
  const begin = (nowMs: number): void => {
    for (const place of ['agent', 'main', 'nowhere'] as const) {
      while (free[place] > 0 && ready[place].first !== undefined) {
        const job = ready[place].pop() ?? 0;
        free[place]--;
        moments.push({ atMs: nowMs + at(jobs, job).durationMs, job, frees: place });
      }
    }
  };
  let left = jobs.length;
  let endMs = 0;
  open.forEach((count, job) => {
    if (count === 0) offer(job);
  });
  begin(0);
  for (let moment = moments.pop(); moment !== undefined; moment = moments.pop()) {
    const { atMs, job, frees } = moment;
    free[frees]++;
    if (job !== null) {
      left--;
      endMs = Math.max(endMs, atMs);
      for (const dependant of at(dependants, job)) {
        const waitsFor = at(open, dependant) - 1;
        open[dependant] = waitsFor;
        if (waitsFor === 0) offer(dependant);
      }
    }
    // Everything that happens at the same time comes first: the longest chain is to get the slot, not the first that is ready.
    if (moments.first === undefined || moments.first.atMs > atMs) begin(atMs);
  }
  return left === 0 ? endMs : null;
}

function dependantsOf(jobs: readonly Job[]): number[][] {
  const dependants: number[][] = jobs.map(() => []);
  jobs.forEach(({ dependencies }, job) => {
    for (const dependency of dependencies) at(dependants, dependency).push(job);
  });
  return dependants;
}

/** The longest chain of work that begins with each job, in milliseconds. */
function levelsOf(jobs: readonly Job[], dependants: readonly (readonly number[])[]): number[] {
  const levels = jobs.map(({ durationMs }) => durationMs);
  const open = dependants.map((list) => list.length);
  const queue = open.flatMap((count, job) => (count === 0 ? [job] : []));
  // Jobs are added while it is read: each when all its dependants are known.
  for (const job of queue) {
    const { dependencies } = at(jobs, job);
    for (const dependency of dependencies) {
      const through = at(jobs, dependency).durationMs + at(levels, job);
      levels[dependency] = Math.max(at(levels, dependency), through);
      const left = at(open, dependency) - 1;
      open[dependency] = left;
      if (left === 0) queue.push(dependency);
    }
  }
  return levels;
}
