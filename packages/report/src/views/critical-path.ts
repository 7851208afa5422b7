import { at } from '../model/at';
import type { RunModel, TaskModel } from '../model/model';

/** When a task's own work was over, for those that wait for it; null: it has not ended, or had nothing to do. */
const readyMs = ({ attempts, doneMs }: TaskModel): number | null => attempts.at(-1)?.endMs ?? doneMs;

/**
 * The tasks that the run waited for, the first one first (indexes into its `tasks`): from the task that ended last, backwards,
 * always to the dependency that ended last. A shorter run needs one of them to be shorter, or a slot for it sooner.
 */
export function criticalPath({ tasks }: RunModel): number[] {
  const latestOf = (indexes: readonly number[]): number | null => {
    let latest: number | null = null;
    let latestMs = -Infinity;
    for (const index of indexes) {
      const endMs = readyMs(at(tasks, index));
      if (endMs === null || endMs <= latestMs) continue;
      latest = index;
      latestMs = endMs;
    }
    return latest;
  };
  const path: number[] = [];
  const seen = new Set<number>();
  let last = latestOf(tasks.map((_, index) => index));
  while (last !== null && !seen.has(last)) {
    seen.add(last);
    path.unshift(last);
    last = latestOf(at(tasks, last).dependencies);
  }
  return path;
}
