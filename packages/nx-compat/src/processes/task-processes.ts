import { endListed, isStartedWith, listProcesses, uptimeS } from './process-table';

/** Name of the variable by which the processes of this executor's tasks are known wherever they went. */
export const TASK_MARK = 'DTE_EXECUTOR_MARK';

/** Unit of start times in /proc; 100 on every Linux Node runs on. */
const TICKS_PER_SECOND = 100;

/** The present moment as /proc counts it; 0 where there is no /proc. */
export const ticksNow = (): number => Math.floor(uptimeS() * TICKS_PER_SECOND);

/**
 * The processes a task has started: our descendants, and those that left the family (a daemon's parent is process 1) but
 * still carry the mark we put into the environment. Processes older than the task are left alone: Nx's own helpers, and
 * what an earlier task left running on purpose.
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
 * Ends them all: SIGTERM, and SIGKILL for what is left after `graceMs`. New ones that appear meanwhile are met as well.
 * @returns whether all are gone
 */
export const endTaskProcesses = (mark: string, sinceTicks: number, graceMs: number): Promise<boolean> =>
  endListed(() => taskProcesses(mark, sinceTicks), graceMs);
