import { type ClosureEntry } from '@org/dte-protocol';
import { forEachLimited } from './restore-closure';

export interface RestorePlan {
  /** Dependencies before dependents. */
  readonly restore: readonly ClosureEntry[];
  /** Restored by other executors of this agent. */
  readonly awaiting: readonly ClosureEntry[];
  readonly concurrency: number;
  /** Tasks whose outputs may overlap those of a task. */
  readonly overlapping: (taskId: string) => readonly string[];
  readonly restoreOne: (entry: ClosureEntry) => Promise<void>;
  /** Resolves with false if the other executor failed. */
  readonly elsewhere: (taskId: string) => Promise<boolean>;
}

/**
 * Restores a closure to disk, several members in parallel; members with overlapping outputs sequentially and in the
 * given order, because the outputs of a task may be inside those of a dependency, and restoring first deletes what is
 * there. After a failure, none of its own restores is still running: what they delete and write would interfere with
 * the next attempt.
 */
export async function restoreAll(plan: RestorePlan): Promise<void> {
  const { restore, awaiting, concurrency, overlapping, restoreOne } = plan;
  const over = new Map<string, Promise<unknown>>();
  const own: Promise<void>[] = [];
  let hasFailed = false;
  const heard = awaiting.map(({ taskId }) => {
    const isThere = plan.elsewhere(taskId);
    // Awaited below; the restores may fail first.
    isThere.catch(() => undefined);
    over.set(taskId, isThere);
    return isThere;
  });
  const begin = (entry: ClosureEntry): Promise<void> => {
    // It is too late for this one: the failed ones report the error.
    if (hasFailed) return Promise.resolve();
    const restored = restoreOne(entry);
    own.push(restored);
    return restored;
  };
  try {
    await forEachLimited(restore, concurrency, (entry) => {
      const before = overlapping(entry.taskId).flatMap((id) => over.get(id) ?? []);
      const restored = Promise.all(before).then(() => begin(entry));
      over.set(entry.taskId, restored);
      restored.catch(() => undefined);
      return restored;
    });
    await forEachLimited([...awaiting.entries()], concurrency, async ([index, entry]) => {
      if ((await heard[index]) !== true) await begin(entry);
    });
  } catch (thrown) {
    hasFailed = true;
    await Promise.allSettled(own);
    throw thrown;
  }
}
