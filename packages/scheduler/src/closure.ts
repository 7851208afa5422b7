import type { ClosureEntry } from '@org/dte-protocol';
import type { RunState, SchedulerState } from './state';
import { dependenciesOf, taskOf } from './lookup';

/**
 * What must be on an agent's disk before a task, or the tasks of a batch: all direct and indirect dependencies that
 * have outputs, dependencies before dependents. Computed when the task is assigned (all of them have ended by then) and
 * stored only with the attempt: the closures of all tasks together would be quadratic in the size of the run. The
 * entries themselves are shared.
 */
export function closureOf(state: SchedulerState, run: RunState, indices: readonly number[]): ClosureEntry[] {
  const closure: ClosureEntry[] = [];
  const own = new Set(indices);
  const seen = new Set(indices);
  // Depth first, with an explicit stack, because a chain may be as long as the run: [task, next dependency to visit].
  const path: [number, number][] = indices.map((index) => [index, 0]);
  for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
    const next = dependenciesOf(run, top[0])[top[1]++];
    state.operations++;
    if (next === undefined) {
      path.pop();
      const { outputs } = taskOf(run, top[0]);
      if (outputs !== null && !own.has(top[0])) closure.push(outputs);
    } else if (!seen.has(next)) {
      seen.add(next);
      path.push([next, 0]);
    }
  }
  return closure;
}

/** The description of an artifact's outputs is a digest and two numbers: an estimate, not a limit. */
const SUMMARY_BYTES = 160;

/** Upper estimate of the bytes of an entry in a frame: UTF-8 needs at most three per character. */
const entryBytes = ({ taskId, hash, artifact }: ClosureEntry): number =>
  3 * (taskId.length + (hash?.length ?? 0) + (artifact.kind === 'cache' ? artifact.hash.length : 0)) +
  (artifact.kind === 'none' || artifact.outputs === undefined ? 96 : 96 + SUMMARY_BYTES);

export const closureBytes = (closure: ClosureEntry[]): number =>
  closure.reduce((bytes, entry) => bytes + entryBytes(entry), 0);
