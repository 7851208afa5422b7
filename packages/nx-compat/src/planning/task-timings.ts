import { resolveNx } from '../install/nx-install';
import type { NxTask } from '../model/types';

type Target = NxTask['target'];

interface TaskHistoryModule {
  /** Null without a database. */
  getTaskHistory: () => {
    getEstimatedTaskTimings(targets: Target[]): Promise<Record<string, number>>;
  } | null;
}

/**
 * How long tasks took according to Nx's own history, by task id, in ms: the mean of all runs in the database of this machine, in
 * which hits of a cache count as well. In CI there is usually none. Never throws: whoever asks must work without an answer.
 */
export async function nxTaskTimings(
  workspaceRoot: string,
  tasks: readonly NxTask[],
): Promise<ReadonlyMap<string, number>> {
  try {
    const module = resolveNx(workspaceRoot).loadOptional<TaskHistoryModule>('src/utils/task-history');
    const history = module?.getTaskHistory() ?? null;
    if (history === null || tasks.length === 0) return new Map();
    const timings = await history.getEstimatedTaskTimings(tasks.map(({ target }) => target));
    return new Map(Object.entries(timings).filter(([, ms]) => Number.isFinite(ms) && ms > 0));
  } catch {
    // Another process has locked the database, or this version of Nx has another history.
    return new Map();
  }
}
