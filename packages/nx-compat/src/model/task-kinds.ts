import type { NxProjectGraph, NxTask } from './types';

/** A task that only groups others (the parent of an atomized target): it needs no agent. */
export function isNoop(task: NxTask, projectGraph: NxProjectGraph): boolean {
  const target = projectGraph.nodes[task.target.project]?.data.targets?.[task.target.target];
  return target?.executor === 'nx:noop';
}

/** A task that must run alone on its machine. Omitted: it need not. */
export function isNonParallel(task: NxTask): boolean {
  return task.parallelism === false;
}

/** A task that does not end by itself (a server); 20 has none. */
export function isContinuous(task: NxTask): boolean {
  return task.continuous === true;
}
