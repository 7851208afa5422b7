import type { TaskGraph } from '@org/dte-nx-compat';
import { withDependants, type Plan } from '../tasks/plan';
import type { Hit } from './settle-cache';

/** What a command's caches leave to do. */
export interface Remaining {
  readonly plan: Plan;
  readonly hits: readonly Hit[];
}

/**
 * Takes what a cached failure (NX_CACHE_FAILURES) keeps from running out of a plan: the tasks that need it, whatever the
 * caches have of them, and with --nxBail everything.
 */
export function withoutBlocked(
  graph: TaskGraph,
  plan: Plan,
  hits: readonly Hit[],
  nxBail: boolean,
): Remaining {
  const failed = hits.filter((hit) => hit.failed).map(({ taskId }) => taskId);
  if (failed.length === 0) return { plan, hits };
  const reached = withDependants(graph, failed);
  // Of a failure that needs another failure nothing is ever heard.
  const first = failed.filter(
    (id) => !(graph.dependencies[id] ?? []).some((needed) => reached.has(needed.id)),
  );
  const goesOn = (id: string): boolean => !nxBail && !reached.has(id);
  return {
    plan: {
      pending: plan.pending.filter(goesOn),
      noop: plan.noop.filter(goesOn),
      servers: plan.servers.filter(goesOn),
      afterwards: plan.afterwards.filter(goesOn),
    },
    hits: hits.filter(({ taskId }) => !reached.has(taskId) || first.includes(taskId)),
  };
}
