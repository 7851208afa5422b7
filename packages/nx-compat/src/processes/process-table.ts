import { execFile } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

/** Interval at which the processes are checked while they exit. Not configurable: it does not change how long callers wait. */
const POLL_MS = 20;
/** Timeout for a process to disappear after SIGKILL. Not configurable: only a process that is stuck in the kernel takes longer, and it remains. */
const KILL_LIMIT_MS = 2_000;

/** A running process. */
export interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** Ticks since boot; 0 if unknown. */
  readonly started: number;
}

/** Fields of /proc/<pid>/stat after the command's name. */
const [STATE, PARENT, GROUP, START_TIME] = [0, 1, 2, 19];

const isLinux = process.platform === 'linux';

/** A file of /proc; null if the process has exited since, or belongs to another user. */
const readProc = (path: string): string | null => {
  try {
    return readFileSync(`/proc/${path}`, 'latin1');
  } catch {
    return null;
  }
};

/** The fields of a process's stat; null if unavailable: it has exited, or belongs to a user whose processes are hidden. */
function statOf(pid: number | string): string[] | null {
  // The command in parentheses may contain anything, so fields are counted after the last parenthesis.
  const stat = readProc(`${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? null;
}

/** A zombie has exited, and its exit code was not read yet. */
const isEnded = (stat: readonly string[]): boolean => stat[STATE] === 'Z' || stat[STATE] === 'X';

function fromProc(): ProcessRow[] {
  return readdirSync('/proc').flatMap((name) => {
    const stat = /^\d+$/.test(name) ? statOf(name) : null;
    if (stat === null || isEnded(stat)) return [];
    const number = (field: number): number => Number(stat[field]);
    return [{ pid: Number(name), parent: number(PARENT), group: number(GROUP), started: number(START_TIME) }];
  });
}

async function fromPs(): Promise<ProcessRow[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,pgid=']);
  return stdout.split('\n').flatMap((line) => {
    const [pid, parent, group] = line.trim().split(/\s+/).map(Number);
    return pid === undefined || parent === undefined || group === undefined
      ? []
      : [{ pid, parent, group, started: 0 }];
  });
}

/** All running processes of this machine or container. */
export async function listProcesses(): Promise<ProcessRow[]> {
  return isLinux ? fromProc() : fromPs();
}

/** Whether a process with this pid runs on this machine, or in this container. */
export function isAlive(pid: number): boolean {
  // The system takes 0 and less for groups of processes.
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (thrown) {
    // A process of another user runs, but accepts no signals from here.
    if ((thrown as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const stat = isLinux ? statOf(pid) : null;
  return stat === null || !isEnded(stat);
}

/** Whether a process was started with this variable; false if unknown: only Linux shows it. */
export const isStartedWith = (pid: number, variable: string, value: string): boolean =>
  isLinux && (readProc(`${pid}/environ`)?.split('\0').includes(`${variable}=${value}`) ?? false);

/** Seconds since boot; 0 without /proc. */
export const uptimeS = (): number => Number((readProc('uptime') ?? '0').split(' ')[0]);

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It exited between being listed and being signalled.
    }
  }
}

async function waitUntilGone(list: () => Promise<readonly number[]>, limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while ((await list()).length > 0) {
    if (performance.now() >= deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

/**
 * Stops all listed processes: SIGTERM, and after `graceMs` SIGKILL for the remaining ones, including new ones.
 * @returns whether all have exited
 */
export async function endListed(list: () => Promise<readonly number[]>, graceMs: number): Promise<boolean> {
  signalAll(await list(), 'SIGTERM');
  if (graceMs > 0 && (await waitUntilGone(list, graceMs))) return true;
  const deadline = performance.now() + KILL_LIMIT_MS;
  for (;;) {
    signalAll(await list(), 'SIGKILL');
    if (await waitUntilGone(list, POLL_MS)) return true;
    if (performance.now() >= deadline) return false;
  }
}
