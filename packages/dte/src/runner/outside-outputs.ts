import type { NxTask, TaskGraph } from '@org/dte-nx-compat';
import { posix } from 'node:path';

/** Task ids a line names; the others are counted. */
const NAMED = 5;

/** An output that Nx would look for above the workspace: `{projectRoot}/../../../dist` of `packages/a`. Nx has its tokens replaced. */
const isOutside = (output: string): boolean => {
  const path = posix.normalize(output.startsWith('!') ? '' : output.replaceAll('\\', '/'));
  return path === '..' || path.startsWith('../');
};

/**
 * Tasks with outputs outside of the workspace. Nothing carries those from one machine to another: some versions of Nx refuse to
 * store them, others leave them out without a word. The main job, whose disk they belong on, runs such a task, as plain Nx does.
 */
export const tasksWithOutsideOutputs = (graph: TaskGraph): string[] =>
  Object.values(graph.tasks)
    .filter(({ outputs }: NxTask) => outputs.some(isOutside))
    .map(({ id }) => id);

/** Null when there are none. */
export function outsideLine(graph: TaskGraph): string | null {
  const ids = tasksWithOutsideOutputs(graph);
  if (ids.length === 0) return null;
  const more = ids.length > NAMED ? ` and ${String(ids.length - NAMED)} more` : '';
  return `dte: ${ids.slice(0, NAMED).join(', ')}${more}: outputs outside of the workspace, so this job runs what writes them, and what needs that`;
}
