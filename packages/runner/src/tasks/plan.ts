import { isContinuous, isNoop, type NxProjectGraph, type NxTask, type TaskGraph } from '@org/dte-nx-compat';

/** Where the tasks of a command run. Every task is in exactly one list, in the order of the graph. */
export interface Plan {
  /** For agents (or caches). */
  readonly pending: readonly string[];
  /** `nx:noop`: nothing to run. */
  readonly noop: readonly string[];
  /** Servers that pending tasks need: each agent that runs such a task starts its own. */
  readonly servers: readonly string[];
  /**
   * The main job runs these at the end: servers that the command itself names, tasks that need this job's disk, and all
   * their direct and indirect dependents.
   */
  readonly afterwards: readonly string[];
}

/** A task of the graph by its id. Throws if it does not exist: ids come from the same graph. */
export function taskOf(graph: TaskGraph, id: string): NxTask {
  const task = graph.tasks[id];
  if (task === undefined) throw new Error(`the task graph has no task ${id}`);
  return task;
}

/** Task id -> ids of its dependents, over both kinds of edges. */
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

/** The given tasks and all their direct and indirect dependents, as far as tasks of `among` lead. */
export function withDependants(
  graph: TaskGraph,
  ids: Iterable<string>,
  among: (id: string) => boolean = () => true,
): Set<string> {
  const dependants = dependantsOf(graph);
  const reached = new Set(ids);
  // Iteration over a Set follows the order of insertion and includes additions.
  for (const id of reached) {
    for (const dependant of dependants.get(id) ?? []) if (among(dependant)) reached.add(dependant);
  }
  return reached;
}

/** Servers that the command line names, directly or through a group (`nx:noop`): such a command ends with them. */
function requestedServers(
  graph: TaskGraph,
  projectGraph: NxProjectGraph,
  requested: readonly { readonly id: string }[],
): string[] {
  const seen = new Set(requested.map(({ id }) => id));
  for (const id of seen) {
    const task = graph.tasks[id];
    if (task === undefined || !isNoop(task, projectGraph)) continue;
    for (const edges of [graph.dependencies[id], graph.continuousDependencies[id]])
      for (const { id: needed } of edges ?? []) seen.add(needed);
  }
  return [...seen].filter((id) => isServer(graph, id));
}

/** The servers that these tasks need, directly or indirectly; dependencies of a server come before it. */
export function serversOf(graph: TaskGraph, ids: Iterable<string>): string[] {
  const found = new Set<string>();
  const visit = (id: string): void => {
    for (const { id: server } of graph.continuousDependencies[id] ?? []) {
      if (found.has(server) || graph.tasks[server] === undefined) continue;
      visit(server);
      found.add(server);
    }
  };
  for (const id of ids) visit(id);
  return [...found];
}

const isServer = (graph: TaskGraph, id: string): boolean => {
  const task = graph.tasks[id];
  return task !== undefined && isContinuous(task);
};

/**
 * @param requested the tasks that the command line names; Nx calls them initiating
 * @param onMain ids of tasks that need the main job's disk
 */
export function planRun(
  graph: TaskGraph,
  projectGraph: NxProjectGraph,
  requested: readonly { readonly id: string }[],
  onMain: Iterable<string> = [],
): Plan {
  const ids = Object.keys(graph.tasks);
  const here = withDependants(graph, [...requestedServers(graph, projectGraph, requested), ...onMain]);
  const distributed = ids.filter((id) => !here.has(id) && !isServer(graph, id));
  const servers = serversOf(graph, distributed);
  const known = new Set([...distributed, ...servers]);
  return {
    pending: distributed.filter((id) => !isNoop(taskOf(graph, id), projectGraph)),
    noop: distributed.filter((id) => isNoop(taskOf(graph, id), projectGraph)),
    servers,
    afterwards: ids.filter((id) => !known.has(id)),
  };
}
