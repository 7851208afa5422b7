import { resolveNx, type NxInstall } from '../nx-install';
import type { NxTask } from '../types';

interface HashedTask {
  hash: string;
  project: string;
  target: string;
  configuration?: string | undefined;
}

interface HashTaskModule {
  getTaskDetails: () => { recordTaskDetails(tasks: HashedTask[]): void } | null;
}

/** @see recordTaskDetails */
export function recordTaskDetailsIn(nx: NxInstall, tasks: readonly NxTask[]): void {
  const rows = tasks.flatMap(({ hash, target }) =>
    hash === undefined
      ? []
      : [{ hash, project: target.project, target: target.target, configuration: target.configuration }],
  );
  if (rows.length === 0) return;
  // null where Nx has no database (NX_DISABLE_DB on 20): there is no foreign key to satisfy either.
  nx.load<HashTaskModule>('src/hasher/hash-task').getTaskDetails()?.recordTaskDetails(rows);
}

/**
 * Writes the rows Nx's cache refers to. A task that arrives already hashed was never recorded in this machine's database:
 * storing or restoring it would break a foreign key, which Nx answers by repeating for up to 20 seconds.
 * Tasks without a hash are left out; recording twice is harmless.
 */
export function recordTaskDetails(tasks: readonly NxTask[], workspaceRoot?: string): void {
  recordTaskDetailsIn(resolveNx(workspaceRoot), tasks);
}
