import type { TaskGraph } from '@org/dte-nx-compat';
import type { EndedStatus } from '@org/dte-protocol';
import { serversOf, withDependants } from './plan';

/**
 * How a distributed task ended, as far as the main job trusts it: `success` with its outputs restored, `failure` by its
 * own fault; anything else was lost.
 */
export type Ending = EndedStatus;

export interface Leftovers {
  /** To be run here. */
  readonly run: readonly string[];
  /** Never to be run, as in Nx: a dependency has failed, or --nxBail. */
  readonly skipped: readonly string[];
}

/**
 * What is left of a command when distribution is over, for any reason. Tasks without a result count as never started.
 * Only real failures skip others: a task that was skipped or cancelled because of our own problems still runs.
 * @param servers those that agents started for their tasks
 */
export function leftovers(
  graph: TaskGraph,
  endings: ReadonlyMap<string, Ending>,
  nxBail: boolean,
  servers: readonly string[] = [],
): Leftovers {
  const isOver = (id: string): boolean => endings.get(id) === 'success' || endings.get(id) === 'failure';
  const known = new Set(servers);
  const all = Object.keys(graph.tasks).filter((id) => !isOver(id));
  const rest = all.filter((id) => !known.has(id));
  const failed = [...endings].filter(([, ending]) => ending === 'failure').map(([id]) => id);
  if (nxBail && failed.length > 0) return { run: [], skipped: all };
  // A batch may have run a task although it failed to run a dependency of it; the dependents of that task can run.
  const unreachable = withDependants(graph, failed, (id) => endings.get(id) !== 'success');
  const run = rest.filter((id) => !unreachable.has(id));
  // Servers run as long as a task needs them; one that no remaining task needs is neither run nor skipped.
  const needed = serversOf(graph, run).filter((id) => known.has(id));
  return { run: [...needed, ...run], skipped: all.filter((id) => unreachable.has(id)) };
}
