import type { NxProjectGraph, NxTask } from './types';

/** A task that only groups others (an atomizer's parent): it needs no agent. */
export function isNoop(task: NxTask, projectGraph: NxProjectGraph): boolean {
  const target = projectGraph.nodes[task.target.project]?.data.targets?.[task.target.target];
  return target?.executor === 'nx:noop';
}

/** A task that must be alone on its machine. Left out means it need not be. */
export function isNonParallel(task: NxTask): boolean {
  return task.parallelism === false;
}

/** A task that does not end by itself (a server); unknown to 20. */
export function isContinuous(task: NxTask): boolean {
  return task.continuous === true;
}
