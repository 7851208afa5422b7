import type { AttemptContext } from './contexts';
import { releaseLease } from './leases';
import { at, taskOf } from './lookup';
import { otherOf } from './rivals';
import { endTask, endingUntried, makeReadyAgain } from './tasks';

/**
 * How often an attempt of a task that waited for a slot may come back without having run. After that, the task only gets slots that
 * are free: it must not wander from agent to agent. Not configurable: it only protects against a waste of time.
 */
const MAX_RECALLS = 2;

/** May the task wait on an agent for a slot (again)? */
export const mayBeRecalled = ({ recalls }: { readonly recalls: number }): boolean => recalls < MAX_RECALLS;

/**
 * An attempt that waited on its agent for a slot, or was about to take one, comes back and has not run: its tasks are ready again,
 * and nobody is told of it.
 * @returns false if that has happened too often, or the other attempt of the task goes on; then the attempt counts as lost
 */
export function takeBack(context: AttemptContext): boolean {
  const { state, run, lease, out } = context;
  const indices = [...lease.open];
  if (otherOf(run, lease) !== undefined) return false;
  if (lease.started || !indices.every((index) => mayBeRecalled(taskOf(run, index)))) return false;
  const { runId } = run;
  const { agentId, attempt } = lease;
  for (const index of indices) {
    taskOf(run, index).recalls++;
    out.event({ type: 'task.recalled', runId, taskId: at(run.graph.ids, index), attempt, agentId });
  }
  if (run.bailed) {
    for (const index of indices) endTask(context, index, endingUntried(taskOf(run, index)));
  } else {
    releaseLease(state, run, lease, out);
    makeReadyAgain(state, run, indices);
  }
  return true;
}
