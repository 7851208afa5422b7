import { randomBytes } from 'node:crypto';
import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { isAlive } from './process-table';

/** Tries in a row, for a lock that is released or removed at the same time. Not configurable: callers retry until their own limit. */
const TRIES = 3;
/** Age at which a lock that names no process is abandoned. Not configurable: its holder writes the pid immediately after it creates the file. */
const NAMELESS_MS = 10_000;

const hasCode = (error: unknown, code: string): boolean => (error as NodeJS.ErrnoException).code === code;

/** The pid in a lock file; 0: there is none, because its holder is writing it or crashed; null: there is no such file. */
function holderOf(path: string): number | null {
  try {
    const text = readFileSync(path, 'utf8').trim();
    return /^\d+$/.test(text) ? Number(text) : 0;
  } catch {
    return null;
  }
}

/** Creates a lock file in two steps: between them, it exists without a pid. */
function createInPlace(path: string): boolean {
  let file: number;
  try {
    file = openSync(path, 'wx');
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
  try {
    writeFileSync(file, String(process.pid));
  } catch (error) {
    // The disk is full. A lock without a pid would block all other processes.
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  // Another process may have removed the lock while it had no pid, if this process was suspended for that long.
  return holderOf(path) === process.pid;
}

/** One lock file, and a file with the pid of this process that is already complete. */
class Lock {
  constructor(
    private readonly path: string,
    private readonly prepared: string,
  ) {}

  /** @returns false when there is such a file */
  create(): boolean {
    try {
      // In one step, so that no process ever reads a lock without a pid.
      linkSync(this.prepared, this.path);
      return true;
    } catch (error) {
      if (hasCode(error, 'EEXIST')) return false;
      // A file system without hard links (FAT, some FUSE and network file systems). Their error codes differ. Any other
      // reason makes this fail as well.
      return createInPlace(this.path);
    }
  }

  isAbandoned(): boolean {
    const holder = holderOf(this.path);
    if (holder !== 0) return holder !== null && !isAlive(holder);
    const { mtimeMs } = statSync(this.path, { throwIfNoEntry: false }) ?? {};
    // Both times are of the file system's clock, which may be another machine's.
    return mtimeMs !== undefined && statSync(this.prepared).mtimeMs - mtimeMs > NAMELESS_MS;
  }

  /**
   * Removes the file if it is abandoned, while no other process does. Otherwise, of two processes that find it abandoned, the
   * second could remove the lock that the first has acquired since.
   */
  removeAbandoned(): void {
    const takeover = new Lock(`${this.path}.takeover`, this.prepared);
    if (!takeover.create()) {
      // Its holder crashed within the few system calls below.
      if (takeover.isAbandoned()) takeover.remove();
      return;
    }
    try {
      if (this.isAbandoned()) this.remove();
    } finally {
      takeover.remove();
    }
  }

  private remove(): void {
    rmSync(this.path, { force: true });
  }
}

/**
 * Acquires a lock between the processes of one machine: a file with the pid of its holder. The lock of a process that has
 * exited is taken over. If another process has the same pid by then, the lock is held until that process exits.
 *
 * Pids of another machine or container have no meaning here. The data folder of a coordinator, which several of them may
 * share, therefore has a lock that its holder renews: `FolderLock` of the coordinator.
 * @returns the function that releases it; null if a running process holds it
 */
export function tryLock(path: string): (() => void) | null {
  mkdirSync(dirname(path), { recursive: true });
  // Callers poll: while the lock is held, polling writes nothing.
  if (isAlive(holderOf(path) ?? 0)) return null;
  const prepared = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.new`;
  try {
    writeFileSync(prepared, String(process.pid));
    const lock = new Lock(path, prepared);
    for (let tries = 0; tries < TRIES; tries++) {
      if (lock.create()) {
        return () => {
          if (holderOf(path) === process.pid) rmSync(path, { force: true });
        };
      }
      if (lock.isAbandoned()) lock.removeAbandoned();
    }
    return null;
  } finally {
    rmSync(prepared, { force: true });
  }
}
