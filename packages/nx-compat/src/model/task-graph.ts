import type { NxEdge, NxTask, RawTaskGraph, TaskGraph } from './types';

type RawEdges = Record<string, readonly (string | NxEdge)[]> | undefined;

const toObjects = (tasks: Record<string, NxTask>, edges: RawEdges): Record<string, NxEdge[]> =>
  Object.fromEntries(
    Object.keys(tasks).map((id) => [
      id,
      (edges?.[id] ?? []).map((edge) => (typeof edge === 'string' ? { id: edge } : edge)),
    ]),
  );

/**
 * One shape of edges for all versions: 24 passes objects, 20-23 plain ids, and 20 has no continuous dependencies. The
 * tasks are the same objects, so what Nx later writes to them is visible in both graphs.
 */
export function normaliseTaskGraph(graph: RawTaskGraph | TaskGraph): TaskGraph {
  return {
    roots: graph.roots,
    tasks: graph.tasks,
    dependencies: toObjects(graph.tasks, graph.dependencies),
    continuousDependencies: toObjects(graph.tasks, graph.continuousDependencies),
  };
}

/**
 * The reverse: edges as the Nx of that major version expects them.
 * @param nxMajor 20 to 24; 24 and later get objects
 */
export function toNxTaskGraph(nxMajor: number, graph: TaskGraph): RawTaskGraph {
  if (nxMajor >= 24) return graph;
  const plain = (edges: Record<string, NxEdge[]>): Record<string, string[]> =>
    Object.fromEntries(Object.entries(edges).map(([id, list]) => [id, list.map((edge) => edge.id)]));
  return {
    roots: graph.roots,
    tasks: graph.tasks,
    dependencies: plain(graph.dependencies),
    continuousDependencies: plain(graph.continuousDependencies),
  };
}

/**
 * The graph of only the given tasks. An edge to a task outside counts as done and is dropped; a task without remaining
 * edges is a root. Unknown ids are ignored.
 */
export function subgraph(graph: TaskGraph, taskIds: Iterable<string>): TaskGraph {
  const inside = new Set([...taskIds].filter((id) => graph.tasks[id] !== undefined));
  const keep = (edges: Record<string, NxEdge[]>): Record<string, NxEdge[]> =>
    Object.fromEntries(
      [...inside].map((id) => [id, (edges[id] ?? []).filter((edge) => inside.has(edge.id))]),
    );
  const dependencies = keep(graph.dependencies);
  const continuousDependencies = keep(graph.continuousDependencies);
  return {
    roots: [...inside].filter(
      (id) => dependencies[id]?.length === 0 && continuousDependencies[id]?.length === 0,
    ),
    tasks: Object.fromEntries([...inside].flatMap((id) => (graph.tasks[id] ? [[id, graph.tasks[id]]] : []))),
    dependencies,
    continuousDependencies,
  };
}

/** All direct and indirect dependencies of a task, without the task itself; dependencies come before dependents. */
export function dependencyClosure(graph: TaskGraph, taskId: string): string[] {
  const order: string[] = [];
  const seen = new Set([taskId]);
  const visit = (id: string): void => {
    for (const edge of graph.dependencies[id] ?? []) {
      if (seen.has(edge.id)) continue;
      seen.add(edge.id);
      visit(edge.id);
      order.push(edge.id);
    }
  };
  visit(taskId);
  return order;
}
