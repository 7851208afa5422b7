import { type TaskGraph } from '@org/dte-nx-compat';
import { type TaskEdge, type TaskSpec } from '@org/dte-protocol';
import { type NeedsServers, type ServerEdge } from './ipc';
import { nxTaskOf } from './nx-task';
import { type Run, graphOf } from './run-cache';
import { type RunVariables, environmentId } from './run-environment';

/** In Nx 24, the edge defines whether a user waits until a server is ready; earlier versions cannot wait. */
const toEdge = (edge: TaskEdge): ServerEdge => ({ taskId: edge.id, untilReady: edge['waitFor'] === 'ready' });

const edgesOf = (run: Run, { continuousDependencies }: TaskSpec): ServerEdge[] =>
  continuousDependencies.filter(({ id }) => run.tasks.has(id)).map(toEdge);

/**
 * The servers that a task needs directly or indirectly, dependencies first; null if it needs none.
 * @param environment of the run: a server has the variables of its users
 */
export function serversOf(
  run: Run,
  task: TaskSpec,
  environment: RunVariables,
): Pick<NeedsServers, 'servers' | 'needs'> | null {
  const needs = edgesOf(run, task);
  if (needs.length === 0) return null;
  const values = environmentId(environment);
  const servers: NeedsServers['servers'] = [];
  const seen = new Set<string>();
  const visit = ({ taskId }: ServerEdge): void => {
    const server = run.tasks.get(taskId);
    if (seen.has(taskId) || server === undefined) return;
    seen.add(taskId);
    const below = edgesOf(run, server);
    below.forEach(visit);
    const identity = `${values} ${JSON.stringify(server.nxTask.overrides)}`;
    servers.push({ taskId, identity, needs: below });
  };
  needs.forEach(visit);
  return { servers, needs };
}

/**
 * The part of a run's graph that a server can see: its dependencies and its users, whose edges tell Nx whether any of
 * them waits until it is ready.
 */
export function serverGraphOf(run: Run, serverId: string): TaskGraph {
  const graph = graphOf(run, [serverId]);
  for (const task of run.tasks.values()) {
    const edges = task.continuousDependencies.filter(({ id }) => id === serverId);
    if (edges.length === 0 || graph.tasks[task.id] !== undefined) continue;
    graph.tasks[task.id] = nxTaskOf(task);
    graph.dependencies[task.id] = [];
    graph.continuousDependencies[task.id] = edges;
  }
  return graph;
}
