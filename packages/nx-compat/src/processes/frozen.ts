import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

/** Checks within `executorFrozenMs`; at each of them the process must be suspended. A part of that limit. */
const LOOKS = 10;
/** Shortest interval of these checks, however low the limit is. */
const SHORTEST_POLL_MS = 20;

/** When a process of a batch counts as frozen, and who hears of it. */
export interface FrozenBatch {
  /** How long it may be stopped. */
  limitMs: number;
  /** Nothing will come of it any more unless it is ended. */
  onFrozen: () => void;
}

/** Stopped by a signal (T) or by a debugger (t): it does nothing at all until somebody continues it, or kills it. */
async function isStopped(pid: number): Promise<boolean> {
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
      // The command's name is in parentheses and may hold anything, so count from the last one.
      return /^[Tt]/.test(stat.slice(stat.lastIndexOf(')') + 2));
    }
    // Nobody is stopped on Windows.
    if (process.platform === 'win32') return false;
    const { stdout } = await promisify(execFile)('ps', ['-o', 'state=', '-p', String(pid)]);
    return /^\s*T/.test(stdout);
  } catch {
    return false; // gone meanwhile
  }
}

/**
 * Calls back once a process has been stopped for this long. The system is asked, not the process: one that computes, waits for a
 * child or for its turn on a busy machine answers nobody either, and is well. Looks are counted and not time, so that nothing is
 * made of a time in which this process was stopped itself.
 * @returns what ends the watch
 */
export function watchFrozen(pid: number, limitMs: number, onFrozen: () => void): () => void {
  let seen = 0;
  let over = false;
  const look = async (): Promise<void> => {
    const stopped = await isStopped(pid);
    if (over) return;
    seen = stopped ? seen + 1 : 0;
    if (seen < LOOKS) return;
    end();
    onFrozen();
  };
  const timer = setInterval(() => void look(), Math.max(SHORTEST_POLL_MS, limitMs / LOOKS));
  timer.unref();
  const end = (): void => {
    over = true;
    clearInterval(timer);
  };
  return end;
}
