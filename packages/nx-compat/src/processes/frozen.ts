import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

/** Checks within `executorFrozenMs`; at each of them the process must be suspended. A part of that limit. */
const LOOKS = 10;
/** Shortest interval of these checks, however low the limit is. */
const SHORTEST_POLL_MS = 20;

/** When a process of a batch counts as frozen, and the callback for it. */
export interface FrozenBatch {
  /** Timeout for a suspended process. */
  limitMs: number;
  /** Called after that: it cannot produce a result any more unless it is stopped. */
  onFrozen: () => void;
}

/** Suspended by a signal (T) or a debugger (t): it does nothing until it is continued or killed. */
async function isStopped(pid: number): Promise<boolean> {
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
      // The command's name is in parentheses and may contain anything, so count from the last one.
      return /^[Tt]/.test(stat.slice(stat.lastIndexOf(')') + 2));
    }
    // Windows cannot suspend processes like this.
    if (process.platform === 'win32') return false;
    const { stdout } = await promisify(execFile)('ps', ['-o', 'state=', '-p', String(pid)]);
    return /^\s*T/.test(stdout);
  } catch {
    return false; // it has exited since
  }
}

/**
 * Calls back when a process has been suspended for this long. Asks the system, not the process: a process that
 * computes, waits for a child or for its turn on a busy machine does not answer either, but is fine. Counts checks
 * instead of time, so that a time in which this process itself was suspended has no effect.
 * @returns ends the watch
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
