import type { NxInstall } from '../install/nx-install';
import type { NxTask } from '../model/types';

interface HashedTask {
  hash: string;
  project: string;
  target: string;
  configuration?: string | undefined;
}

interface HashTaskModule {
  getTaskDetails: () => { recordTaskDetails(tasks: HashedTask[]): void } | null;
}

/** The executors of one agent share Nx's database. Up to 21 Nx does not wait for a writer there, but fails at once. */
const BUSY = /database is locked|DatabaseBusy/;
/** Two seconds in all. Not configurable: it replaces SQLite's own busy timeout, which later versions of Nx set. */
const BUSY_TRIES = 100;
/** Between two of them. */
const BUSY_WAIT_MS = 20;

/** Nx's call is synchronous, and so is the wait: a writer finishes in a few milliseconds. */
function whileDatabaseIsFree(write: () => void): void {
  for (let attempt = 1; ; attempt++) {
    try {
      write();
      return;
    } catch (error) {
      if (attempt === BUSY_TRIES || !BUSY.test(String(error))) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_WAIT_MS);
    }
  }
}

/**
 * Writes the rows that Nx's cache refers to. A task that arrives with a hash was never recorded in this machine's
 * database: storing or restoring it would violate a foreign key, and Nx would retry for up to 20 seconds. Skips tasks
 * without a hash; idempotent.
 */
export function recordTaskDetails(nx: NxInstall, tasks: readonly NxTask[]): void {
  const rows = tasks.flatMap(({ hash, target }) =>
    hash === undefined
      ? []
      : [{ hash, project: target.project, target: target.target, configuration: target.configuration }],
  );
  if (rows.length === 0) return;
  // null if Nx has no database (NX_DISABLE_DB on 20): then there is no foreign key either.
  const details = nx.load<HashTaskModule>('src/hasher/hash-task').getTaskDetails();
  if (details !== null) whileDatabaseIsFree(() => details.recordTaskDetails(rows));
}
