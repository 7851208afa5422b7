import type { Config } from '@org/dte-config';
import type { NxProjectGraph, TaskGraph } from '@org/dte-nx-compat';
import type { Sharing } from '@org/dte-protocol';
import type { TargetOf } from '../assignment/assign';
import { meansTask } from '../assignment/on-main';

/** The option cacheTrust. */
export type CacheTrust = Config['cacheTrust'];

/** What the shared cache may do for a task; undefined: everything. */
export type SharingOf = (taskId: string) => Sharing | undefined;

/** The target that an atomized part belongs to: `e2e-ci` for `e2e-ci--src/cart.cy.ts`. */
const wholeOf = (target: TargetOf): TargetOf => ({
  ...target,
  target: target.target.split('--')[0] ?? target.target,
});

/** The strictest entry that matches: a pattern that is too wide costs time, one that is too narrow costs trust. */
export function sharingOfTarget(trust: CacheTrust, target: TargetOf): Sharing | undefined {
  const means = ([pattern]: readonly [string, Sharing]): boolean =>
    meansTask(target, pattern) || meansTask(wholeOf(target), pattern);
  const found = Object.entries(trust).filter(means);
  if (found.some(([, sharing]) => sharing === 'never')) return 'never';
  return found.length === 0 ? undefined : 'this-pipeline';
}

/**
 * Everything that an id can mean: names of projects and targets may contain colons. For tasks of earlier commands, of which only the
 * id is known.
 */
function targetsOfId(taskId: string): TargetOf[] {
  const parts = taskId.split(':');
  return parts.flatMap((_, index) => {
    if (index === 0) return [];
    const project = parts.slice(0, index).join(':');
    const rest = parts.slice(index);
    return rest.map((__, end) => ({
      project,
      target: rest.slice(0, end + 1).join(':'),
      ...(end + 1 < rest.length ? { configuration: rest.slice(end + 1).join(':') } : {}),
    }));
  });
}

export function sharingOf(trust: CacheTrust, graph: Pick<TaskGraph, 'tasks'>): SharingOf {
  if (Object.keys(trust).length === 0) return () => undefined;
  const known = new Map<string, Sharing | undefined>();
  const find = (taskId: string): Sharing | undefined => {
    const task = graph.tasks[taskId];
    const targets = task === undefined ? targetsOfId(taskId) : [task.target];
    const found = targets.map((target) => sharingOfTarget(trust, target));
    return found.find((sharing) => sharing === 'never') ?? found.find((sharing) => sharing !== undefined);
  };
  return (taskId) => {
    if (!known.has(taskId)) known.set(taskId, find(taskId));
    return known.get(taskId);
  };
}

/** Entries that no target of the workspace matches: what they were to protect is not protected. */
export function idleTrust(trust: CacheTrust, { nodes }: Pick<NxProjectGraph, 'nodes'>): string[] {
  const patterns = Object.keys(trust);
  if (patterns.length === 0) return [];
  const all = Object.values(nodes).flatMap(({ name, data }) =>
    Object.entries(data.targets ?? {}).flatMap(([target, { configurations }]): TargetOf[] => [
      { project: name, target },
      ...Object.keys(configurations ?? {}).map((configuration) => ({ project: name, target, configuration })),
    ]),
  );
  return patterns.filter(
    (pattern) => !all.some((target) => meansTask(target, pattern) || meansTask(wholeOf(target), pattern)),
  );
}
