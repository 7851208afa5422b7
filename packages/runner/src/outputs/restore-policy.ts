import {
  isAtOrBelow,
  isNoop,
  staticParts,
  type NxProjectGraph,
  type NxTask,
  type TaskGraph,
} from '@org/dte-nx-compat';
import type { Config } from '@org/dte-config';
import { taskOf } from '../tasks/plan';

/** What is downloaded to the main job automatically. */
export interface RestorePolicy {
  /** Are the outputs of this task, if it succeeds, not downloaded? */
  isLeft(task: NxTask): boolean;
  /** Which of its files are downloaded anyway; null: none. */
  pickedOf(task: NxTask): ((path: string) => boolean) | null;
}

export interface RestorePolicyInput {
  readonly config: Pick<Config, 'restoreOutputs' | 'restoreGlobs'>;
  readonly graph: TaskGraph;
  readonly projectGraph: NxProjectGraph;
  readonly isRequested: (task: NxTask) => boolean;
  /** Does a path match one of `restoreGlobs`? */
  readonly matches: (path: string) => boolean;
}

/** False only when no path can be below both. */
export const mayOverlap = (output: string, glob: string): boolean => {
  const [a, b] = [staticParts(output).join('/'), staticParts(glob).join('/')];
  return isAtOrBelow(a, b) || isAtOrBelow(b, a);
};

/**
 * `requested` means the tasks named on the command line. One that does nothing itself and stands for others of its
 * project (`e2e-ci` for `e2e-ci--some-file`) means those.
 */
function requestedIds({ graph, projectGraph, isRequested }: RestorePolicyInput): Set<string> {
  const requested = new Set<string>();
  for (const task of Object.values(graph.tasks)) {
    if (!isRequested(task)) continue;
    requested.add(task.id);
    if (!isNoop(task, projectGraph)) continue;
    for (const { id } of graph.dependencies[task.id] ?? [])
      if (taskOf(graph, id).target.project === task.target.project) requested.add(id);
  }
  return requested;
}

export function restorePolicy(input: RestorePolicyInput): RestorePolicy {
  const { restoreOutputs, restoreGlobs } = input.config;
  if (restoreOutputs === 'all') return { isLeft: () => false, pickedOf: () => null };
  const requested = restoreOutputs === 'requested' ? requestedIds(input) : new Set<string>();
  return {
    // A task without outputs can just as well be restored: then it is in this machine's cache.
    isLeft: ({ id, outputs }) => outputs.length > 0 && !requested.has(id),
    pickedOf: ({ outputs }) => {
      const concerned = restoreGlobs.some((glob) => outputs.some((output) => mayOverlap(output, glob)));
      return concerned ? input.matches : null;
    },
  };
}
