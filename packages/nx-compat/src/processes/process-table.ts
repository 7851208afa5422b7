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

/** What a process uses, as Linux counts it. */
export interface ProcessUse {
  readonly pid: number;
  /** Ticks since boot: tells it from a later process with the same pid. */
  readonly started: number;
  /** Processor time in ticks: its own, and that of all its descendants whose end was awaited. */
  readonly ticks: number;
  readonly residentBytes: number;
  /** The most that was resident since it began. */
  readonly peakBytes: number;
  /**
   * Changes whenever its main thread has run, however shortly: a tick is 10 ms, and a process starts another in less. Null if the
   * kernel does not tell (CONFIG_SCHED_INFO), or was not asked.
   */
  readonly activity: string | null;
}

/** Fields of /proc/<pid>/stat after the command's name. */
const [STATE, PARENT, GROUP, START_TIME] = [0, 1, 2, 19];
/** More of them: utime, stime, cutime and cstime. */
const CPU_TIMES = [11, 12, 13, 14];
/** /proc/<pid>/status counts memory in this unit. */
const BYTES_PER_KB = 1024;

const isLinux = process.platform === 'linux';

/**
 * A file of /proc; null if the process has exited since, or belongs to another user. As UTF-8, which Node reads in one call; any
 * other encoding takes it twice as long.
 */
const readProc = (path: string): string | null => {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
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

/**
 * What a process uses; null if it has exited, and where there is no /proc.
 * @param idle returned as it is if it is this process, and it has not worked since
 */
export function useOf(pid: number, idle?: ProcessUse): ProcessUse | null {
  const stat = isLinux ? statOf(pid) : null;
  if (stat === null || isEnded(stat)) return null;
  const started = Number(stat[START_TIME]);
  const ticks = CPU_TIMES.reduce((sum, field) => sum + Number(stat[field]), 0);
  // Read for those that may be idle, from the second time on: most processes of a short task are seen once or twice.
  const told = idle === undefined ? null : readProc(`${pid}/schedstat`);
  // A kernel that does not count says that nothing has ever run.
  const activity = told?.startsWith('0 0 0') === true ? null : told;
  const hasRun = idle?.activity == null || idle.activity !== activity;
  if (!hasRun && idle.pid === pid && idle.started === started && idle.ticks === ticks) return idle;
  const status = readProc(`${pid}/status`);
  if (status === null) return null;
  const bytesOf = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0) * BYTES_PER_KB;
  const residentBytes = bytesOf('VmRSS');
  return {
    pid,
    started,
    ticks,
    activity,
    residentBytes,
    peakBytes: Math.max(residentBytes, bytesOf('VmHWM')),
  };
}

const pidsIn = (list: string): number[] =>
  list
    .split(' ')
    .filter((child) => child !== '')
    .map(Number);

/** The threads of a process, each with the children that it has started; null if the kernel does not list them. */
function listedChildrenOf(pid: number): number[] | null {
  let threads: string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
  const lists = threads.map((thread) => readProc(`${pid}/task/${thread}/children`));
  if (lists.every((list) => list === null)) return null;
  return lists.flatMap((list) => pidsIn(list ?? ''));
}

/**
 * The children of a process; none where there is no /proc. The lists of children cost a thirtieth of the table of all processes
 * (0.1 ms against 3 ms with 100 processes); a kernel without them (CONFIG_PROC_CHILDREN) has the table.
 */
export const childrenOf = (pid: number): number[] =>
  isLinux ? (listedChildrenOf(pid) ?? fromProc().flatMap((row) => (row.parent === pid ? row.pid : []))) : [];

/**
 * Those that its main thread has started: nearly always all of them, for a tenth of what `childrenOf` costs in a process of Node,
 * which has ten threads and more.
 */
export function childrenOfMainThread(pid: number): number[] {
  const list = isLinux ? readProc(`${pid}/task/${pid}/children`) : null;
  return list === null ? childrenOf(pid) : pidsIn(list);
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
