import type { FinishedAttempt, Reason, TaskSpec } from '@org/dte-protocol';
import type { AttemptContext, RunContext } from './contexts';
import { releaseLease } from './leases';
import { appendEntry } from './run-log';
import { isOwnFailure } from './own-failure';
import type { RetryState, RunState, TaskRecord } from './state';
import { makeReadyAgain } from './tasks';
import { agentOf, at, taskOf } from './lookup';

/** Defines `retryFlaky`, not a limit: a task known to be flaky is retried once, more often only if its target's `retries` say so. */
const FLAKY_RETRIES = 1;

export function retryStateOf(
  { id, retries = 0, flakiness }: TaskSpec,
  flaky: ReadonlySet<string>,
): RetryState {
  const forFlakiness = flakiness === 'retry' && flaky.has(id) ? FLAKY_RETRIES : 0;
  return {
    failed: 0,
    left: Math.max(retries, forFlakiness),
    because: forFlakiness > retries ? 'flaky' : 'retries',
    watched: flakiness !== undefined,
    last: null,
  };
}

/** A failure from a cache would be the same again. After --nxBail or --stop-agents-on-failure nothing new starts, not even a retry. */
export const mayTryAgain = (run: RunState, { retry }: TaskRecord, result: FinishedAttempt): boolean =>
  retry.left > 0 && !run.bailed && result.fromCache === null && isOwnFailure(result);

/** The task failed and is retried, on another agent if there is one. The log reports the failure, but the task has not ended. */
export function retryTask(context: AttemptContext, result: FinishedAttempt): void {
  const { state, run, lease, out } = context;
  releaseLease(state, run, lease, out);
  noteRetry(context, lease.index, { result });
  makeReadyAgain(state, run, [lease.index]);
}

/** Reports that a task of an attempt is retried. */
export function noteRetry(
  { state, run, lease, out }: AttemptContext,
  index: number,
  { result, batchLog }: { result: FinishedAttempt; batchLog?: string },
): void {
  const { agentId, attempt } = lease;
  const taskId = at(run.graph.ids, index);
  const { name, jobUrl } = agentOf(state, agentId);
  const { lostOn, retry } = taskOf(run, index);
  retry.failed++;
  retry.left--;
  if (!lostOn.includes(agentId)) lostOn.push(agentId);
  const agent = { agentId, name, jobUrl };
  retry.last = { attempt, agent, result };
  const reason = reasonOf(taskId, name, result, retry);
  const log = batchLog === undefined ? {} : { batchLog };
  const ended = { taskId, attempt, agent, reason, result, ...log, atMs: state.nowMs };
  appendEntry(run, { type: 'retried', ...ended }, out);
  out.event({ type: 'task.retried', runId: run.runId, taskId, attempt, agentId });
}

function reasonOf(
  taskId: string,
  agentName: string,
  { code, reason }: FinishedAttempt,
  { failed, left, because }: RetryState,
): Reason {
  const why =
    because === 'flaky'
      ? 'it is known to be flaky, option retryFlaky'
      : `${failed} of ${failed + left}, option retries`;
  const message = `${taskId} failed on ${agentName} (${reason?.code ?? `exit code ${code}`}) and is retried (${why}).`;
  return { code: 'DTE_TASK_FAILED', message };
}

/** One failure and one success with the same hash make a task flaky; the history counts them. */
export function noteEvidence({ run, out }: RunContext, index: number, result: FinishedAttempt): void {
  const { retry, hash: agreed } = taskOf(run, index);
  const { status, fromCache, reason } = result;
  const hash = result.hash ?? agreed;
  if (!retry.watched || fromCache !== null || reason !== null || hash === null) return;
  out.event({ type: 'task.ran', runId: run.runId, taskId: at(run.graph.ids, index), hash, status });
}
