import type { BatchResult, FinishedAttempt } from '@org/dte-protocol';
import { acceptDrift, loseAttempt, markStarted, noteFinished, settleTask } from './attempts';
import { areTogether } from './batches';
import type { AttemptContext } from './contexts';
import { releaseLease } from './leases';
import { mayTryAgain, noteRetry } from './retries';
import type { Lease } from './lease';
import type { RunState } from './state';
import { endTask, endingWithout, makeReadyAgain } from './tasks';
import { at, dependantsOf, taskOf } from './lookup';

/**
 * The one accepted result of a batch. What its executor reports for a task applies, even a success although a
 * dependency failed. Failures that are to be retried are retried, together with the tasks that the executor skipped
 * because of them.
 */
export function acceptBatch(context: AttemptContext, { members, log }: BatchResult): void {
  const { run, lease } = context;
  const given = new Map(members.map(({ taskId, result }) => [taskId, result]));
  const resultOf = (index: number) => given.get(at(run.graph.ids, index));
  const indices = [...lease.open];
  if (indices.some((index) => resultOf(index) === undefined)) {
    const message = 'The result of a batch does not name all of its tasks.';
    loseAttempt(context, { code: 'DTE_INTERNAL', message });
    return;
  }
  markStarted(context);
  let batchLog: { batchLog?: string } = log === '' ? {} : { batchLog: log };
  const settle = (index: number): void => {
    const result = resultOf(index);
    if (result && isDrift(result)) acceptDrift(context, index, result);
    else if (result) settleTask(context, index, { result, ...batchLog });
    else endTask(context, index, { ...endingWithout('skipped'), ...batchLog });
    batchLog = {};
  };
  const ran = indices.flatMap((index) => {
    const result = resultOf(index);
    return result ? [{ index, result }] : [];
  });
  for (const { index, result } of ran.filter(({ result }) => !isDrift(result)))
    noteFinished(context, index, result);
  const mayFailAgain = ({ index, result }: Ran): boolean => mayTryAgain(run, taskOf(run, index), result);
  const failures = ran.filter(({ result }) => result.status === 'failure');
  // Successes first: with --nxBail, nothing starts after a failure, but results of tasks that ran count. The failures
  // that are final decide whether the others are retried.
  for (const { index, result } of ran) if (result.status === 'success') settle(index);
  const drifted = failures.filter(({ result }) => isDrift(result));
  for (const { index } of drifted) settle(index);
  if (run.onHashMismatch === 'run-on-main') {
    // The main job runs the tasks with a different hash, and then their dependents.
    for (const index of skippedBelow(run, lease, drifted, resultOf))
      endTask(context, index, endingWithout('returned', drifted[0]?.result.reason ?? null));
  }
  const final = failures.filter((each) => isDrift(each.result) || !mayFailAgain(each));
  for (const { index } of final) if (lease.open.has(index)) settle(index);
  for (const index of skippedBelow(run, lease, final, resultOf)) settle(index);
  const again = failures.filter((each) => lease.open.has(each.index) && mayFailAgain(each));
  if (again.length === 0) for (const index of [...lease.open]) settle(index);
  else repeat(context, again, batchLog);
}

const isDrift = ({ status, reason }: FinishedAttempt): boolean =>
  status === 'failure' && reason?.code === 'DTE_HASH_MISMATCH';

interface Ran {
  index: number;
  result: FinishedAttempt;
}

/** The tasks that the executor skipped because of these failures. */
function skippedBelow(
  run: RunState,
  lease: Lease,
  failures: readonly Ran[],
  resultOf: (index: number) => FinishedAttempt | null | undefined,
): Set<number> {
  const reached = new Set<number>();
  const queue = failures.map(({ index }) => index);
  for (const index of queue) {
    for (const dependant of dependantsOf(run, index)) {
      const isSkipped = lease.open.has(dependant) && resultOf(dependant) === null;
      if (!isSkipped || reached.has(dependant) || !areTogether(run, index, dependant)) continue;
      reached.add(dependant);
      queue.push(dependant);
    }
  }
  return reached;
}

/** The remaining tasks of the batch are retried. */
function repeat(context: AttemptContext, failures: readonly Ran[], batchLog: { batchLog?: string }): void {
  const { state, run, lease, out } = context;
  const indices = [...lease.open];
  releaseLease(state, run, lease, out);
  for (const [nth, { index, result }] of failures.entries())
    noteRetry(context, index, nth === 0 ? { result, ...batchLog } : { result });
  // Any of them can represent the batch: the rest runs elsewhere.
  for (const { lostOn } of indices.map((index) => taskOf(run, index)))
    if (!lostOn.includes(lease.agentId)) lostOn.push(lease.agentId);
  makeReadyAgain(state, run, indices);
}
