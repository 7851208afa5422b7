import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** How often the processes are looked at while they end. */
const POLL_MS = 20;
/** How long a process may take to disappear after SIGKILL; only one stuck in the kernel takes longer. */
const KILL_LIMIT_MS = 2000;
/** Unit of start times in /proc; 100 on every Linux Node runs on. */
const TICKS_PER_SECOND = 100;

interface Process {
  pid: number;
  parent: number;
  /** Ticks since boot; 0 where unknown. */
  started: number;
}

const readText = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined; // ended meanwhile, or not ours
  }
};

const fromProc = (): Process[] =>
  readdirSync('/proc').flatMap((name) => {
    const stat = /^\d+$/.test(name) ? readText(`/proc/${name}/stat`) : undefined;
    if (stat === undefined) return [];
    // The command's name is in parentheses and may hold anything, so count from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z') return [];
    return [{ pid: Number(name), parent: Number(fields[1]), started: Number(fields[19]) }];
  });

const fromPs = (): Process[] =>
  execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
    .split('\n')
    .flatMap((line) => {
      const [pid, parent] = line.trim().split(/\s+/).map(Number);
      return pid && parent !== undefined ? [{ pid, parent, started: 0 }] : [];
    });

const isLinux = process.platform === 'linux';

/** The present moment as /proc counts it; 0 where there is no /proc. */
export const ticksNow = (): number =>
  isLinux ? Math.floor(Number((readText('/proc/uptime') ?? '0').split(' ')[0]) * TICKS_PER_SECOND) : 0;

/**
 * The processes a task has started: our descendants, and those that left the family (a daemon's parent is process 1) but
 * still carry the mark we put into the environment. Processes older than the task are left alone: Nx's own helpers, and
 * what an earlier task left running on purpose.
 */
export function taskProcesses(mark: string, sinceTicks: number): number[] {
  const all = isLinux ? fromProc() : fromPs();
  const family = new Set([process.pid]);
  for (let size = 0; size !== family.size;) {
    size = family.size;
    for (const { pid, parent } of all) if (family.has(parent)) family.add(pid);
  }
  return all
    .filter(({ pid, started }) => pid !== process.pid && started >= sinceTicks)
    .filter(
      ({ pid }) => family.has(pid) || (isLinux && readText(`/proc/${String(pid)}/environ`)?.includes(mark)),
    )
    .map(({ pid }) => pid);
}

const signalAll = (pids: readonly number[], signal: NodeJS.Signals): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It ended between being listed and being signalled.
    }
  }
};

async function waitUntilGone(list: () => number[], limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (list().length > 0) {
    if (performance.now() >= deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

/**
 * Ends them all: SIGTERM, and SIGKILL for what is left after `graceMs`. New ones that appear meanwhile are met as well.
 * @returns whether all are gone
 */
export async function endTaskProcesses(mark: string, sinceTicks: number, graceMs: number): Promise<boolean> {
  const list = (): number[] => taskProcesses(mark, sinceTicks);
  signalAll(list(), 'SIGTERM');
  if (await waitUntilGone(list, graceMs)) return true;
  return waitUntilGone(() => {
    const left = list();
    signalAll(left, 'SIGKILL');
    return left;
  }, KILL_LIMIT_MS);
}
