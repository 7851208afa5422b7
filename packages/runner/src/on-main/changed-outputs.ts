import type { NxTask, TaskGraph } from '@org/dte-nx-compat';
import { withDependants } from '../tasks/plan';
import type { OutputsState } from '../main-disk/main-disk';

/**
 * Tasks of the command whose outputs a script has changed on this disk since a command of the session made them, and their
 * dependents, with the reason. Their artifacts, which agents would restore, do not contain the change.
 */
export async function changedOutputs(
  graph: TaskGraph,
  disk: { stateOf(outputs: readonly string[]): Promise<OutputsState> },
): Promise<Map<string, string>> {
  const reasons = new Map<string, string>();
  const tasks: NxTask[] = Object.values(graph.tasks).filter(({ outputs }) => outputs.length > 0);
  for (const { id, outputs } of tasks) {
    const state = await disk.stateOf(outputs);
    if (state.kind !== 'changed' || state.isGone) continue;
    for (const each of withDependants(graph, [id])) if (!reasons.has(each)) reasons.set(each, state.what);
  }
  return reasons;
}
