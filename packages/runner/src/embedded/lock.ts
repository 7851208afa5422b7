import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

const hasCode = (error: unknown, code: string): boolean => (error as NodeJS.ErrnoException).code === code;

/** Is a process of this number there? One that belongs to somebody else is. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}

const readOwner = (path: string): number | null => {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
};

/** Moves a lock away before deleting it: of several that find it stale, one succeeds. */
function removeStale(path: string): void {
  const moved = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.stale`;
  try {
    renameSync(path, moved);
  } catch {
    return;
  }
  rmSync(moved, { force: true });
}

/**
 * Takes a lock between the processes of one machine: a file that holds the owner's process id. A lock whose owner is
 * dead is taken over.
 * @returns the way to release it, or null when a living process holds it
 */
export function tryLock(path: string): (() => void) | null {
  mkdirSync(dirname(path), { recursive: true });
  // Written first and linked then, so that nobody ever reads a lock without an owner.
  const prepared = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.new`;
  writeFileSync(prepared, String(process.pid));
  try {
    for (let tries = 0; tries < 3; tries++) {
      try {
        linkSync(prepared, path);
        return () => {
          if (readOwner(path) === process.pid) rmSync(path, { force: true });
        };
      } catch (error) {
        if (!hasCode(error, 'EEXIST')) throw error;
        const owner = readOwner(path);
        if (owner !== null && isAlive(owner)) return null;
        if (owner !== null) removeStale(path);
      }
    }
    return null;
  } finally {
    rmSync(prepared, { force: true });
  }
}
