import type { TaskGraph } from '@org/dte-nx-compat';
import type { EndedStatus } from '@org/dte-protocol';
import { withDependants } from './plan';

/**
 * How a distributed task ended, as far as the main job trusts it: `success` with its outputs in place, `failure` by
 * its own fault, anything else came to nothing.
 */
export type Ending = EndedStatus;

export interface Leftovers {
  /** To be run here. */
  readonly run: readonly string[];
  /** Never to be run, as in Nx: something they need has failed, or --nxBail. */
  readonly skipped: readonly string[];
}

/**
 * What is left of a command when distribution is over, for whatever reason. Tasks without an ending count as never
 * started. Only real failures skip others: a task that was skipped or cancelled because of trouble of ours still runs.
 */
export function leftovers(
  graph: TaskGraph,
  endings: ReadonlyMap<string, Ending>,
  nxBail: boolean,
): Leftovers {
  const isOver = (id: string): boolean => endings.get(id) === 'success' || endings.get(id) === 'failure';
  const rest = Object.keys(graph.tasks).filter((id) => !isOver(id));
  const failed = [...endings].filter(([, ending]) => ending === 'failure').map(([id]) => id);
  if (nxBail && failed.length > 0) return { run: [], skipped: rest };
  const unreachable = withDependants(graph, failed);
  return {
    run: rest.filter((id) => !unreachable.has(id)),
    skipped: rest.filter((id) => unreachable.has(id)),
  };
}
