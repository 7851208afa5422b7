import { execFile } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

/** How often the processes are checked while they end. No limit: nobody waits longer or shorter for it. */
const POLL_MS = 20;
/** How long a process may take to disappear after SIGKILL. No limit: only one stuck in the kernel takes longer, and it stays. */
const KILL_LIMIT_MS = 2_000;

/** A process that runs. */
export interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** Ticks since boot; 0 where unknown. */
  readonly started: number;
}

/** Fields of /proc/<pid>/stat behind the command's name. */
const [STATE, PARENT, GROUP, START_TIME] = [0, 1, 2, 19];

const isLinux = process.platform === 'linux';

/** A file of /proc; null when the process has ended meanwhile, or is not ours. */
const readProc = (path: string): string | null => {
  try {
    return readFileSync(`/proc/${path}`, 'latin1');
  } catch {
    return null;
  }
};

/** What the system says of a process; null if it does not say: the process is gone, or of a user whose processes are hidden. */
function statOf(pid: number | string): string[] | null {
  // The command in parentheses may hold anything, so the fields are counted after the last parenthesis.
  const stat = readProc(`${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? null;
}

/** A zombie has ended, and nobody has asked for its exit code yet. */
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

/** All processes of this machine or container that run. */
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

/** Whether a process was started with this variable; false where that cannot be known: on Linux only it can. */
export const isStartedWith = (pid: number, variable: string, value: string): boolean =>
  isLinux && (readProc(`${pid}/environ`)?.split('\0').includes(`${variable}=${value}`) ?? false);

/** Seconds since the machine was started; 0 where there is no /proc. */
export const uptimeS = (): number => Number((readProc('uptime') ?? '0').split(' ')[0]);

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It ended between being listed and being signalled.
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
 * Ends all that are listed: SIGTERM, and SIGKILL for what is left after `graceMs`. New ones that appear meanwhile are met as well.
 * @returns whether all are gone
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
