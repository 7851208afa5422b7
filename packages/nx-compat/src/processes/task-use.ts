import { childrenOf, childrenOfMainThread, useOf, type ProcessUse } from './process-table';
import { TICKS_PER_SECOND } from './task-processes';

/** What a task used. */
export interface TaskUse {
  /** Processor time, in ms: of every process it started, and of this one, in which Nx works for it. */
  readonly cpuMs: number;
  /**
   * The most memory that was seen resident at a time, in bytes: of the processes that it started, and what this one and its older
   * children have grown by. Pages that processes share count with each. Null if the task was over before anybody looked.
   */
  readonly peakBytes: number | null;
}

/** A meter that runs. */
export interface TaskMeter {
  /** Ends it. Null where there is no /proc. */
  end(): TaskUse | null;
}

/**
 * Bounds of the time between two looks at the processes. Processor time needs none of them; they are for memory: a process that
 * lives for less than the first may go unseen, and at the last they cost next to nothing. Not configurable: see `SHARE`.
 */
const [FIRST_LOOK_MS, LONGEST_MS] = [25, 2_000];
/** The next look comes when the task has run for this part longer: a short task is seen often, and one of an hour not 100,000 times. */
const GROWTH = 0.1;
/**
 * Looks take at most this share of one processor. One takes about 0.2 ms, and 0.6 ms with two child processes of Node: then there
 * are at most 17 in a second.
 */
const SHARE = 0.01;
/**
 * From then on, looks also search for children of other threads than the main one, which is most of what a look costs. Such a child
 * that a shorter task leaves behind is not counted. Not configurable: see `SHARE`.
 */
const ALL_THREADS_MS = 100;
/** What rounding may hide, and less than any process of a task takes. */
const LEAST_TICKS = 2;
/** Unit of `maxRSS`. */
const BYTES_PER_KB = 1024;

/** A process as one look saw it. */
interface Seen extends ProcessUse {
  readonly children: readonly number[];
}

const keyOf = ({ pid, started }: ProcessUse): string => `${pid} ${started}`;

/** What the last look of the last task saw: what is still there is older than the next task. */
let seenLast: ReadonlyMap<string, Seen> = new Map();

/**
 * This process and its descendants. The search for children is most of what a look costs, since a process has a list for each of its
 * threads. So one that is older than the task (a worker of a plugin) is not searched while it has not worked: it has started nothing
 * for the task.
 * @param isOlder was it there before the task?
 * @param allThreads false: of the children of other threads than the main one, only those that were seen before
 */
function familySeen(
  previous: ReadonlyMap<string, Seen>,
  isOlder: (key: string) => boolean,
  allThreads: boolean,
): Map<string, Seen> {
  const older = new Map<number, Seen>();
  for (const [key, seen] of previous) if (seen.pid !== process.pid && isOlder(key)) older.set(seen.pid, seen);
  const family = new Map<string, Seen>();
  const pids = new Set([process.pid]);
  /** Children that were not looked for: another process may have the number of one that has ended. */
  const remembered = new Set<number>();
  // Iteration over a Set follows the order of insertion and includes additions.
  for (const pid of pids) {
    const known = older.get(pid);
    const use = useOf(pid, known);
    if (use === null) continue;
    const key = keyOf(use);
    if (remembered.has(pid) && !previous.has(key)) continue;
    const isIdle = known !== undefined && use === known;
    const found = isIdle ? [] : allThreads ? childrenOf(pid) : childrenOfMainThread(pid);
    const before = isIdle || !allThreads ? (previous.get(key)?.children ?? []) : [];
    const children = new Set([...found, ...before]);
    family.set(key, isIdle ? known : { ...use, children: [...children] });
    for (const child of found) {
      remembered.delete(child);
      pids.add(child);
    }
    for (const child of before) {
      if (!pids.has(child)) remembered.add(child);
      pids.add(child);
    }
  }
  return family;
}

/**
 * Measures what a task uses that runs in this process and its children, one at a time. The processor time of a process that has
 * ended and was awaited is in that of its parent, so the difference between end and beginning has all of it, also that of
 * processes that lived between two looks; one whose parent ended first (a daemon) counts as far as it was seen.
 */
export function meterTask(): TaskMeter {
  if (process.platform !== 'linux') return { end: () => null };
  const looks = new Looks();
  const begunMs = performance.now();
  let timer: NodeJS.Timeout;
  const plan = (costMs: number): void => {
    const ranMs = performance.now() - begunMs;
    const delayMs = Math.max(FIRST_LOOK_MS, Math.min(ranMs * GROWTH, LONGEST_MS), costMs / SHARE);
    timer = setTimeout(() => plan(looks.look()), delayMs).unref();
  };
  plan(0);
  return {
    end() {
      clearTimeout(timer);
      looks.look(true);
      return looks.use;
    },
  };
}

/** Looks at the processes of a task, the first time before it begins. */
class Looks {
  private readonly begunMs = performance.now();
  private readonly before: ReadonlyMap<string, Seen>;
  private readonly maxRssBefore = process.resourceUsage().maxRSS * BYTES_PER_KB;
  private readonly cpuBefore = process.cpuUsage();
  private last: ReadonlyMap<string, Seen>;
  /** Those whose parent has ended before them: nobody inherits their times. */
  private orphans: ReadonlySet<string> = new Set();
  private lostTicks = 0;
  private peakBytes: number | null = null;
  private readonly firstTicks: number;

  constructor() {
    this.before = familySeen(seenLast, () => true, true);
    this.last = this.before;
    this.firstTicks = this.ticks;
  }

  get use(): TaskUse {
    const ticks = Math.max(0, this.ticks - this.firstTicks);
    return { cpuMs: (ticks * 1000) / TICKS_PER_SECOND, peakBytes: this.peakBytes };
  }

  /** Returns what it cost, in ms of processor time. */
  look(isLast = false): number {
    const cpu = process.cpuUsage();
    const allThreads = performance.now() - this.begunMs >= ALL_THREADS_MS;
    const now = familySeen(this.last, (key) => this.before.has(key), allThreads);
    const orphans = new Set<string>();
    for (const [key, known] of this.last) {
      if (now.has(key)) continue;
      const use = useOf(known.pid);
      if (use !== null && keyOf(use) === key) {
        orphans.add(key);
        now.set(key, { ...use, children: known.children });
      } else if (this.orphans.has(key)) this.lostTicks += known.ticks;
    }
    this.last = now;
    seenLast = now;
    this.orphans = orphans;
    // At the end, its processes are gone: what is left says nothing about them.
    if (!isLast || this.peakBytes !== null || this.isAlone)
      this.peakBytes = Math.max(this.peakBytes ?? 0, this.memory());
    const { user, system } = process.cpuUsage(cpu);
    return (user + system) / 1000;
  }

  private get ticks(): number {
    return [...this.last.values()].reduce((sum, { ticks }) => sum + ticks, this.lostTicks);
  }

  /** Nothing but this process has worked. */
  private get isAlone(): boolean {
    const { user, system } = process.cpuUsage(this.cpuBefore);
    const own = ((user + system) / 1_000_000) * TICKS_PER_SECOND;
    return this.ticks - this.firstTicks - own < LEAST_TICKS;
  }

  private memory(): number {
    let together = 0;
    let largest = 0;
    for (const [key, { pid, residentBytes, peakBytes }] of this.last) {
      const older = this.before.get(key);
      together += Math.max(0, residentBytes - (older?.residentBytes ?? 0));
      if (older === undefined) largest = Math.max(largest, peakBytes);
      else if (pid === process.pid) largest = Math.max(largest, this.ownGrowth(older));
    }
    return Math.max(together, largest);
  }

  /** What runs in this process may leave no room for a look. */
  private ownGrowth(before: ProcessUse): number {
    const most = process.resourceUsage().maxRSS * BYTES_PER_KB;
    return most > this.maxRssBefore ? most - before.residentBytes : 0;
  }
}
