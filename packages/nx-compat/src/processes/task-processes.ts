import { endListed, isStartedWith, listProcesses, uptimeS } from './process-table';

/** Variable that identifies the processes of this executor's tasks, wherever they went. */
export const TASK_MARK = 'DTE_EXECUTOR_MARK';

/** Unit of start times in /proc; 100 on every Linux that Node runs on. */
export const TICKS_PER_SECOND = 100;

/** The present time in the unit of /proc; 0 without /proc. */
export const ticksNow = (): number => Math.floor(uptimeS() * TICKS_PER_SECOND);

/**
 * The processes that a task has started: our descendants, and orphans (a daemon's parent is process 1) that still have
 * the mark in their environment. Older processes are left alone: Nx's own helpers, and processes that an earlier task
 * deliberately left running.
 */
async function taskProcesses(mark: string, sinceTicks: number): Promise<number[]> {
  const all = await listProcesses();
  const family = new Set([process.pid]);
  for (let size = 0; size !== family.size;) {
    size = family.size;
    for (const { pid, parent } of all) if (family.has(parent)) family.add(pid);
  }
  return all
    .filter(({ pid, started }) => pid !== process.pid && started >= sinceTicks)
    .filter(({ pid }) => family.has(pid) || isStartedWith(pid, TASK_MARK, mark))
    .map(({ pid }) => pid);
}

/**
 * Stops them all: SIGTERM, and after `graceMs` SIGKILL for the remaining ones, including new ones.
 * @returns whether all have exited
 */
export const endTaskProcesses = (mark: string, sinceTicks: number, graceMs: number): Promise<boolean> =>
  endListed(() => taskProcesses(mark, sinceTicks), graceMs);
