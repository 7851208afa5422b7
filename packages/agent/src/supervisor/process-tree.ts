import { execFile } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

/** Variable that every process an executor starts inherits: detached and orphaned ones are found by it. */
export const EXECUTOR_MARK = 'DTE_EXECUTOR_ID';

interface Row {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
}

const POLL_MS = 25;
/** After SIGKILL only the kernel is awaited. */
const REAP_MS = 2_000;

function linuxTable(): Row[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        // The command in parentheses may hold anything, so the fields are counted after the last parenthesis.
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const [state, parent, group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        if (state === 'Z' || state === 'X') return [];
        return [{ pid: Number(name), parent: Number(parent), group: Number(group) }];
      } catch {
        return []; // gone meanwhile
      }
    });
}

async function psTable(): Promise<Row[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,pgid=']);
  return stdout.split('\n').flatMap((line) => {
    const [pid, parent, group] = line.trim().split(/\s+/).map(Number);
    return pid === undefined || parent === undefined || group === undefined ? [] : [{ pid, parent, group }];
  });
}

function isMarked(pid: number, mark: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`${EXECUTOR_MARK}=${mark}`);
  } catch {
    return false; // gone, or not ours
  }
}

/**
 * The processes of an executor that run: itself, its descendants, its process group and, on Linux, whatever carries
 * its mark. Each way finds what the others miss: a detached child has its own group, an orphan has another parent.
 */
export async function processesOf(pid: number, mark: string): Promise<number[]> {
  const linux = process.platform === 'linux';
  const table = linux ? linuxTable() : await psTable();
  const found = new Set<number>();
  const include = (row: Row): void => {
    if (found.has(row.pid) || row.pid === process.pid) return;
    found.add(row.pid);
    for (const child of table) if (child.parent === row.pid) include(child);
  };
  for (const row of table) {
    if (row.pid === pid || row.group === pid || (linux && isMarked(row.pid, mark))) include(row);
  }
  return [...found];
}

function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {
      // gone meanwhile
    }
  }
}

async function gone(pid: number, mark: string, withinMs: number): Promise<boolean> {
  const deadline = Date.now() + withinMs;
  while ((await processesOf(pid, mark)).length > 0) {
    if (Date.now() >= deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

/** Ends an executor and everything it started: SIGTERM, after `graceMs` SIGKILL. Resolves when they are gone. */
export async function endProcesses(pid: number, mark: string, graceMs: number): Promise<void> {
  if (process.platform === 'win32') {
    await promisify(execFile)('taskkill', ['/pid', String(pid), '/T', '/F']).catch(() => undefined);
    return;
  }
  signal(await processesOf(pid, mark), 'SIGTERM');
  if (graceMs > 0 && (await gone(pid, mark, graceMs))) return;
  const deadline = Date.now() + REAP_MS;
  do signal(await processesOf(pid, mark), 'SIGKILL');
  while (!(await gone(pid, mark, POLL_MS)) && Date.now() < deadline);
}
