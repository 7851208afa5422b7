import { type ClosureEntry } from '@org/dte-protocol';
import { forEachLimited } from './restore-closure';

export interface RestorePlan {
  /** Dependencies before dependants. */
  readonly restore: readonly ClosureEntry[];
  /** Restored by other executors of this agent. */
  readonly awaiting: readonly ClosureEntry[];
  readonly concurrency: number;
  /** Tasks whose outputs may overlap those of a task. */
  readonly overlapping: (taskId: string) => readonly string[];
  readonly restoreOne: (entry: ClosureEntry) => Promise<void>;
  /** Resolves with false when the other executor failed. */
  readonly elsewhere: (taskId: string) => Promise<boolean>;
}

/**
 * Puts a closure on disk, several at a time; members whose outputs overlap one after the other and in the order given: the
 * outputs of a task may lie inside those of a dependency, and restoring begins with deleting what is there. When it fails, none
 * of its own restores is under way any more: what they delete and write would be in the way of the next attempt.
 */
export async function restoreAll(plan: RestorePlan): Promise<void> {
  const { restore, awaiting, concurrency, overlapping, restoreOne } = plan;
  const over = new Map<string, Promise<unknown>>();
  const own: Promise<void>[] = [];
  let hasFailed = false;
  const heard = awaiting.map(({ taskId }) => {
    const isThere = plan.elsewhere(taskId);
    // Looked at below; the restores may be the first to fail.
    isThere.catch(() => undefined);
    over.set(taskId, isThere);
    return isThere;
  });
  const begin = (entry: ClosureEntry): Promise<void> => {
    // Its turn comes too late: that others failed is said by them.
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
