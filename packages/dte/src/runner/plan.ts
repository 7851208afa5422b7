import { isContinuous, isNoop, type NxProjectGraph, type NxTask, type TaskGraph } from '@org/dte-nx-compat';

/** Where the tasks of a command belong. Every task is in exactly one list; order is that of the graph. */
export interface Plan {
  /** For agents (or their caches). */
  readonly pending: readonly string[];
  /** `nx:noop`: nothing to do anywhere. */
  readonly noop: readonly string[];
  /** Servers, and whatever needs one directly or not: the main job runs them at the end. */
  readonly afterwards: readonly string[];
}

/** A task of the graph by its id. Throws when there is none: ids come from the same graph. */
export function taskOf(graph: TaskGraph, id: string): NxTask {
  const task = graph.tasks[id];
  if (task === undefined) throw new Error(`the task graph has no task ${id}`);
  return task;
}

/** Task id -> ids of the tasks that need it, over both kinds of edges. */
export function dependantsOf(graph: TaskGraph): Map<string, string[]> {
  const dependants = new Map<string, string[]>();
  for (const edges of [graph.dependencies, graph.continuousDependencies]) {
    for (const [id, needed] of Object.entries(edges)) {
      for (const { id: dependency } of needed) {
        const known = dependants.get(dependency);
        if (known === undefined) dependants.set(dependency, [id]);
        else known.push(id);
      }
    }
  }
  return dependants;
}

/** The given tasks and everything that needs one of them, directly or not. */
export function withDependants(graph: TaskGraph, ids: Iterable<string>): Set<string> {
  const dependants = dependantsOf(graph);
  const reached = new Set(ids);
  // A Set is iterated in order of insertion, what is added on the way included.
  for (const id of reached) for (const dependant of dependants.get(id) ?? []) reached.add(dependant);
  return reached;
}

export function planRun(graph: TaskGraph, projectGraph: NxProjectGraph): Plan {
  const tasks = Object.values(graph.tasks);
  const afterwards = withDependants(
    graph,
    tasks.filter(isContinuous).map(({ id }) => id),
  );
  const distributed = tasks.filter(({ id }) => !afterwards.has(id));
  return {
    pending: distributed.filter((task) => !isNoop(task, projectGraph)).map(({ id }) => id),
    noop: distributed.filter((task) => isNoop(task, projectGraph)).map(({ id }) => id),
    afterwards: tasks.filter(({ id }) => afterwards.has(id)).map(({ id }) => id),
  };
}
