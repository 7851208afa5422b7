import { at } from '../model/at';
import type { RunModel, TaskModel } from '../model/model';

/** When those that wait for a task could begin; null: it has not ended, or had nothing to do. */
const readyMs = ({ attempts, doneMs }: TaskModel): number | null => {
  const last = attempts.at(-1);
  return last?.acceptedMs ?? last?.endMs ?? doneMs;
};

/** The one of these tasks (indexes) with the latest time; null if none has one. */
export function latestOf(
  tasks: readonly TaskModel[],
  indexes: Iterable<number>,
  timeOf: (task: TaskModel) => number | null,
): number | null {
  let latest: number | null = null;
  let latestMs = -Infinity;
  for (const index of indexes) {
    const endMs = timeOf(at(tasks, index));
    if (endMs === null || endMs <= latestMs) continue;
    latest = index;
    latestMs = endMs;
  }
  return latest;
}

/** The tasks that this one waited for, the first one first, and itself: always the dependency that ended last. */
export function chainTo(tasks: readonly TaskModel[], last: number | null): number[] {
  const path: number[] = [];
  const seen = new Set<number>();
  for (let next = last; next !== null && !seen.has(next);) {
    seen.add(next);
    path.push(next);
    next = latestOf(tasks, at(tasks, next).dependencies, readyMs);
  }
  return path.reverse();
}

/**
 * The tasks that the run waited for, the first one first (indexes into its `tasks`): from the task that ended last, backwards,
 * always to the dependency that ended last. A shorter run needs one of them to be shorter, or a slot for it sooner.
 */
export const criticalPath = ({ tasks }: RunModel): number[] =>
  chainTo(tasks, latestOf(tasks, tasks.keys(), readyMs));
