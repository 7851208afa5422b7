import { normaliseTaskGraph, resolveNx, type NxProjectGraph, type TaskGraph } from '../../src';
import type { RawTaskGraph } from '../../src/model/types';

interface CreateTaskGraph {
  createTaskGraph: (
    ...args: [
      projectGraph: NxProjectGraph,
      extraTargetDependencies: object,
      projects: string[],
      targets: string[],
      configuration: undefined,
      overrides: object,
    ]
  ) => RawTaskGraph;
}

/** The task graph Nx makes for `run-many -t <targets>`. */
export function taskGraphOf(
  projectGraph: NxProjectGraph,
  targets: string[],
): { raw: RawTaskGraph; graph: TaskGraph } {
  const { createTaskGraph } = resolveNx().load<CreateTaskGraph>('src/tasks-runner/create-task-graph');
  const projects = Object.values(projectGraph.nodes)
    .filter((node) => targets.some((target) => node.data.targets?.[target]))
    .map((node) => node.name);
  const raw = createTaskGraph(projectGraph, {}, projects, targets, undefined, { __overrides_unparsed__: [] });
  return { raw, graph: normaliseTaskGraph(raw) };
}
