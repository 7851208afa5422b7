import type { NxLifeCycle, NxProjectGraph, NxTask, TaskGraph } from '@org/dte-nx-compat';

/** A task `project:target` as Nx creates it. */
export function task(id: string, fields: Partial<NxTask> = {}): NxTask {
  const [project = '', target = ''] = id.split(':');
  return { id, target: { project, target }, overrides: {}, outputs: [], cache: true, ...fields };
}

/** `{ 'app:build': ['lib:build'] }`: a graph of tasks and their dependencies; `continuous` for the other kind of edges. */
export function graphOf(
  edges: Record<string, readonly string[]>,
  continuous: Record<string, readonly string[]> = {},
  fields: Record<string, Partial<NxTask>> = {},
): TaskGraph {
  const ids = Object.keys(edges);
  const toEdges = (from: Record<string, readonly string[]>) =>
    Object.fromEntries(ids.map((id) => [id, (from[id] ?? []).map((needed) => ({ id: needed }))]));
  return {
    roots: ids.filter((id) => edges[id]?.length === 0),
    tasks: Object.fromEntries(ids.map((id) => [id, task(id, fields[id])])),
    dependencies: toEdges(edges),
    continuousDependencies: toEdges(continuous),
  };
}

export const noProjects: NxProjectGraph = { nodes: {}, dependencies: {} };

/** A life cycle that records its calls. */
export function recordingLifeCycle(): { lifeCycle: NxLifeCycle; calls: string[] } {
  const calls: string[] = [];
  return {
    calls,
    lifeCycle: {
      scheduleTask: ({ id }) => void calls.push(`schedule ${id}`),
      startTasks: (tasks, { groupId }) =>
        void calls.push(`start ${tasks.map(({ id }) => id).join(' ')} group ${groupId}`),
      printTaskTerminalOutput: ({ id }, status, output) =>
        void calls.push(`print ${id} ${status} ${JSON.stringify(output)}`),
      endTasks: (results, { groupId }) =>
        void calls.push(
          ...results.map(({ task: { id }, status, code }) => `end ${id} ${status} ${code} group ${groupId}`),
        ),
    },
  };
}
