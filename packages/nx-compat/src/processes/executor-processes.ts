import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type ProcessRow, endListed, isStartedWith, listProcesses } from './process-table';

/** Variable that every child process of an executor inherits; identifies detached and orphaned ones. */
export const EXECUTOR_MARK = 'DTE_EXECUTOR_ID';

/**
 * The running processes of an executor: itself, its descendants, its process group and, on Linux, every process with
 * its mark. Each criterion finds what the others miss: a detached child has its own group, an orphan has another
 * parent.
 */
async function processesOf(pid: number, mark: string): Promise<number[]> {
  const table = await listProcesses();
  const found = new Set<number>();
  const include = (row: ProcessRow): void => {
    if (found.has(row.pid) || row.pid === process.pid) return;
    found.add(row.pid);
    for (const child of table) if (child.parent === row.pid) include(child);
  };
  for (const row of table) {
    if (row.pid === pid || row.group === pid || isStartedWith(row.pid, EXECUTOR_MARK, mark)) include(row);
  }
  return [...found];
}

/** Stops an executor and all its child processes: SIGTERM, after `graceMs` SIGKILL. Resolves when they have exited. */
export async function endProcesses(pid: number, mark: string, graceMs: number): Promise<void> {
  if (process.platform === 'win32') {
    await promisify(execFile)('taskkill', ['/pid', String(pid), '/T', '/F']).catch(() => undefined);
    return;
  }
  await endListed(() => processesOf(pid, mark), graceMs);
}

/**
 * Stops the processes of these groups and, on Linux, every process that was started with this variable: SIGTERM, after
 * `graceMs` SIGKILL. Resolves when they have exited.
 */
export async function endStartedWith(
  variable: string,
  value: string,
  groups: readonly number[],
  graceMs: number,
): Promise<void> {
  const wanted = new Set(groups);
  await endListed(async () => {
    const rows = await listProcesses();
    return rows
      .filter(
        ({ pid, group }) => pid !== process.pid && (wanted.has(group) || isStartedWith(pid, variable, value)),
      )
      .map(({ pid }) => pid);
  }, graceMs);
}
