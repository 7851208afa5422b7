import { type TaskHost } from '@org/dte-nx-compat';
import { isStorableHash } from '@org/dte-protocol';
import { nxTaskOf } from './nx-task';
import { type Run } from './run-cache';

/** Up to this number of tasks, one write of all of them to Nx's database is cheaper than one write for each. Not configurable: it only saves time. */
const RECORD_AT_ONCE = 5_000;

const recordedIn = new WeakMap<TaskHost, Set<Run>>();

/** Nx's database needs the tasks of a run. */
export function recordOnce(run: Run, host: TaskHost): void {
  const runs = recordedIn.get(host) ?? new Set();
  recordedIn.set(host, runs);
  if (runs.has(run) || run.tasks.size > RECORD_AT_ONCE) return;
  runs.add(run);
  const hashed = run.spec.tasks.filter(({ hash }) => hash !== null && isStorableHash(hash));
  host.cache.recordTaskDetails(hashed.map((task) => nxTaskOf(task)));
}
