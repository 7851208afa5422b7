import { resolveNx } from '../install/nx-install';
import type { NxProjectGraph, NxTask, TaskGraph } from '../model/types';
import { closureGraph, Hashing, type NxTaskHasher } from './hashing';

/**
 * Computes hashes that Nx computes only right before a task runs: those that depend on outputs of other tasks, and
 * those of custom hashers.
 */
export interface LateHasher {
  /** The outputs of the task's whole dependency closure must be on disk. The task is not modified. */
  hash(task: NxTask): Promise<string>;
}

/**
 * For the process in which Nx called a tasks runner.
 * @param hasher `context.hasher` of the runner
 * @param graph the graph of the run, with this package's shape of edges
 */
export function createLateHasher(
  hasher: unknown,
  projectGraph: NxProjectGraph,
  graph: TaskGraph,
  workspaceRoot?: string,
): LateHasher {
  const nx = resolveNx(workspaceRoot);
  const hashing = new Hashing(nx, projectGraph, hasher as NxTaskHasher);
  return {
    async hash(task) {
      const copy = { ...task };
      return (await hashing.beforeRun(copy, closureGraph(nx.major, graph, copy))).value;
    },
  };
}
