import { type TaskHost } from '@org/dte-nx-compat';
import { nxTaskOf } from './nx-task';
import { type Run, wholeGraph } from './run-cache';

/** Runs with more tasks than this are hashed one by one: an executor may see few of them. */
const HASH_AT_ONCE = 500;

const known = new WeakMap<TaskHost, WeakMap<Run, Promise<ReadonlyMap<string, string>>>>();

/**
 * Whether this machine comes to the hash the main job has sent, computed for all tasks of a run at the first of them.
 * False means nothing yet: it was not computed, or differs, and the task has to be hashed by itself to know.
 */
export async function hashesAgree(host: TaskHost, run: Run, taskId: string, agreed: string): Promise<boolean> {
  if (run.tasks.size > HASH_AT_ONCE || run.tasks.get(taskId)?.hash !== agreed) return false;
  const runs = known.get(host) ?? new WeakMap<Run, Promise<ReadonlyMap<string, string>>>();
  known.set(host, runs);
  const hashes = runs.get(run) ?? hashAll(host, run);
  runs.set(run, hashes);
  return (await hashes).get(taskId) === agreed;
}

async function hashAll(host: TaskHost, run: Run): Promise<ReadonlyMap<string, string>> {
  const hashed = run.spec.tasks.filter(
    ({ hash, nxTask: { target } }) =>
      hash !== null && host.projectGraph.nodes[target.project]?.data.targets?.[target.target] !== undefined,
  );
  try {
    return await host.hashTasks(
      hashed.map((task) => nxTaskOf(task)),
      wholeGraph(run),
    );
  } catch {
    // One task that cannot be hashed fails them all; by itself it says why.
    return new Map();
  }
}
