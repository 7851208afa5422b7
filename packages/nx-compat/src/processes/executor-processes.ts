import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type ProcessRow, endListed, isStartedWith, listProcesses } from './process-table';

/** Variable that every process an executor starts inherits: detached and orphaned ones are found by it. */
export const EXECUTOR_MARK = 'DTE_EXECUTOR_ID';

/**
 * The processes of an executor that run: itself, its descendants, its process group and, on Linux, whatever carries
 * its mark. Each way finds what the others miss: a detached child has its own group, an orphan has another parent.
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

/** Ends an executor and everything it started: SIGTERM, after `graceMs` SIGKILL. Resolves when they are gone. */
export async function endProcesses(pid: number, mark: string, graceMs: number): Promise<void> {
  if (process.platform === 'win32') {
    await promisify(execFile)('taskkill', ['/pid', String(pid), '/T', '/F']).catch(() => undefined);
    return;
  }
  await endListed(() => processesOf(pid, mark), graceMs);
}
