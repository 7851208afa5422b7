import { type TaskHost } from '@org/dte-nx-compat';
import { isStorableHash, LEAN_RUN_TASKS } from '@org/dte-protocol';
import { nxTaskOf } from './nx-task';
import { type Run } from './run-cache';

const recordedIn = new WeakMap<TaskHost, Set<Run>>();

/** Nx's database needs the tasks of a run. Those of a larger one are recorded one by one, and its spec need not have their hashes. */
export function recordOnce(run: Run, host: TaskHost): void {
  const runs = recordedIn.get(host) ?? new Set();
  recordedIn.set(host, runs);
  if (runs.has(run) || run.tasks.size > LEAN_RUN_TASKS) return;
  runs.add(run);
  const hashed = run.spec.tasks.filter(({ hash }) => hash !== null && isStorableHash(hash));
  host.cache.recordTaskDetails(hashed.map((task) => nxTaskOf(task)));
}
