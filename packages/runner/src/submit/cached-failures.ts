import type { TaskGraph } from '@org/dte-nx-compat';
import { withDependants, type Plan } from '../tasks/plan';
import type { Hit } from './settle-cache';

/** What remains to be done after a command's caches were queried. */
export interface Remaining {
  readonly plan: Plan;
  readonly hits: readonly Hit[];
}

/**
 * Removes from a plan the tasks that a cached failure (NX_CACHE_FAILURES) prevents: its dependents, even if they are
 * cached, and with --nxBail everything.
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
  // A failure that depends on another failure is never reported.
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
