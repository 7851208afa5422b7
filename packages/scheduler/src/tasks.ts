import type { AgentRef, AttemptResult, EndedStatus, Reason } from '@org/dte-protocol';
import { leaveChain } from './chains';
import type { RunContext } from './contexts';
import type { EffectsBuilder } from './effects-builder';
import { recallRun } from './ahead';
import { countWaiting } from './alone';
import { areTogether, formUnit, noteGathered, takeUnits } from './batches';
import { releaseHold } from './free-agents';
import { heapify } from './heap';
import type { HistoryEvent } from './interface';
import { byPriority, queueTask } from './lanes';
import { leaveLease, releaseLease } from './leases';
import { isOwnFailure } from './own-failure';
import { appendEntry } from './run-log';
import { endRun, finishWhenIdle } from './session';
import type { RunState, SchedulerState, TaskRecord } from './state';
import { at, dependantsOf, taskOf } from './lookup';

/** How a task ended, besides its status. */
export interface Ending {
  status: EndedStatus;
  attempt: number | null;
  agent: AgentRef | null;
  result: AttemptResult | null;
  reason: Reason | null;
  /** With the first task of a batch. */
  batchLog?: string;
}

/** An end without an attempt. */
export const endingWithout = (status: EndedStatus, reason: Reason | null = null): Ending => ({
  status,
  attempt: null,
  agent: null,
  result: null,
  reason,
});

/** How a task ends if nothing new may start: with its failure if it has failed, else without an attempt. */
export const endingUntried = ({ retry: { last } }: TaskRecord, reason: Reason | null = null): Ending =>
  last === null
    ? endingWithout('skipped', reason)
    : { status: 'failure', ...last, reason: last.result.reason };

/** Makes a task available to agents; a task of a batch as soon as the whole batch is ready. */
export function makeReady(state: SchedulerState, run: RunState, index: number): void {
  const task = taskOf(run, index);
  if (task.batch === null) {
    task.state = { name: 'ready' };
    queueTask(state, run, index);
  } else {
    task.state = { name: 'gathered' };
    noteGathered(run, task.batch);
  }
}

/** Makes batches available that no longer wait for anything. */
export function makeBatchesReady(state: SchedulerState, run: RunState): void {
  for (const first of takeUnits(run)) queueTask(state, run, first);
}

/** Tasks whose attempt was lost become ready again, together if they ran together. */
export function makeReadyAgain(state: SchedulerState, run: RunState, indices: readonly number[]): void {
  const [first] = indices;
  if (first === undefined) return;
  countWaiting(run, indices, 1);
  if (taskOf(run, first).batch === null) makeReady(state, run, first);
  else for (const each of formUnit(run, indices)) queueTask(state, run, each);
}

/**
 * Ends a task and every task whose outcome this decides: dependents of a failure are skipped, tasks that waited only
 * for this one become ready, `nx:noop` tasks end immediately, and a dependent of a `returned` task is returned when all
 * its other dependencies have ended (if one of them fails, the dependent is skipped instead).
 */
export function endTask(context: RunContext, index: number, ending: Ending): void {
  const { state, run, out } = context;
  const queue = [{ index, ending }];
  for (const next of queue) {
    const task = taskOf(run, next.index);
    if (task.state.name === 'ended') continue;
    record(context, next.index, next.ending);
    const { status, reason } = next.ending;
    if (status === 'failure') bailAfterFailure(context);
    for (const dependant of dependantsOf(run, next.index)) {
      state.operations++;
      const decided = decide(state, run, dependant, {
        status,
        reason,
        inside: areTogether(run, next.index, dependant),
      });
      if (decided !== null) queue.push({ index: dependant, ending: decided });
    }
  }
  makeBatchesReady(state, run);
  if (run.done === run.total) endRun(state, run, 'finished', out);
}

/** Ends every task that has not ended, in the order of the spec, and then the run. */
export function endAll(state: SchedulerState, run: RunState, ending: Ending, out: EffectsBuilder): void {
  clearQueues(state, run);
  for (const index of run.tasks.keys()) record({ state, run, out }, index, ending);
  run.gatheredBatches = [];
  endRun(state, run, ending.status === 'cancelled' ? 'cancelled' : 'finished', out);
}

/** How a dependency of a task ended. `inside`: it is in the same batch, so the task did not wait for it. */
type Dependency = Pick<Ending, 'status' | 'reason'> & { inside: boolean };

/** What the end of one dependency means for a task; null if nothing yet. */
function decide(
  state: SchedulerState,
  run: RunState,
  index: number,
  { status, reason, inside }: Dependency,
): Ending | null {
  const task = taskOf(run, index);
  if (task.state.name !== 'waiting' && task.state.name !== 'gathered') return null;
  if (status === 'failure' || status === 'skipped' || status === 'cancelled') return endingWithout('skipped');
  if (inside && status !== 'returned') return null;
  if (task.state.name === 'waiting') {
    if (!inside) task.state.openDependencies--;
    if (status === 'returned') task.state.dependencyReturned = true;
    if (task.state.openDependencies > 0) return null;
  }
  if (task.state.name === 'gathered' || task.state.dependencyReturned) {
    const code = reason?.code ?? 'DTE_ATTEMPTS_EXHAUSTED';
    return endingWithout('returned', { code, message: 'A dependency was returned to the main job.' });
  }
  if (task.kind !== 'pending') return endingWithout('success');
  makeReady(state, run, index);
  return null;
}

function record({ state, run, out }: RunContext, index: number, ending: Ending): void {
  const task = taskOf(run, index);
  if (task.state.name === 'ended') return;
  countWaiting(run, [index], -1);
  if (task.state.name === 'leased') {
    // First the lease that the task is found by: what is left is none of a task that goes on.
    const rival = run.rivals.get(index);
    if (rival !== undefined) releaseLease(state, run, rival, out);
    leaveLease({ state, run, lease: task.state.lease, out }, index);
  }
  leaveChain(run, index);
  const waited = task.state.name === 'waiting';
  task.state = { name: 'ended', status: ending.status };
  if (waited && task.batch !== null) noteGathered(run, task.batch);
  // The main job settled it itself, or learns about it through its users: it expects no entry.
  if (task.kind === 'done' || task.kind === 'server') return;
  const taskId = at(run.graph.ids, index);
  run.done++;
  if (ending.status === 'failure') run.failed++;
  appendEntry(run, { type: 'ended', taskId, ...ending, atMs: state.nowMs }, out);
  const { status, attempt, result } = ending;
  out.event({ type: 'task.ended', runId: run.runId, taskId, status, attempt, source: sourceOf(result) });
}

/** A failure that is not the task's own is that of an agent which did not run it, such as a hash that differs. */
function sourceOf(result: AttemptResult | null): Extract<HistoryEvent, { type: 'task.ended' }>['source'] {
  if (result?.kind !== 'finished') return null;
  return result.fromCache ?? (result.status === 'success' || isOwnFailure(result) ? 'ran' : null);
}

function bailAfterFailure(context: RunContext): void {
  const { state, run } = context;
  const { stopAgentsOnFailure } = state.session.settings;
  if (stopAgentsOnFailure) {
    finishWhenIdle(state, 'A task failed and the session was started with --stop-agents-on-failure.');
  }
  if (run.bailed || !(run.nxBail || stopAgentsOnFailure)) return;
  run.bailed = true;
  clearQueues(state, run);
  recallRun(state, run, context.out);
  for (const [index, task] of run.tasks.entries()) {
    const { name } = task.state;
    if (name === 'waiting' || name === 'gathered' || name === 'ready')
      record(context, index, endingUntried(task));
  }
}

/** A server failed on an agent, as Nx defines it: its dependents that have not started are skipped, if they have not already failed. */
export function failServer(context: RunContext, taskId: string): void {
  const { state, run } = context;
  const first = run.graph.indexOf.get(taskId);
  if (first === undefined || taskOf(run, first).kind !== 'server') return;
  bailAfterFailure(context);
  const servers = new Set([first]);
  // Iteration over a Set follows the order of insertion and includes additions.
  for (const server of servers) {
    for (const dependant of dependantsOf(run, server)) {
      state.operations++;
      const { kind, state: where } = taskOf(run, dependant);
      if (kind === 'server') servers.add(dependant);
      else if (where.name === 'waiting' || where.name === 'ready')
        endTask(context, dependant, endingUntried(taskOf(run, dependant)));
    }
  }
  forgetEnded(state, run);
}

/** Removes tasks from the queues that ended while they were ready. */
function forgetEnded(state: SchedulerState, run: RunState): void {
  const isReady = (index: number) => taskOf(run, index).state.name === 'ready';
  for (const lane of run.lanes) {
    state.operations += lane.ready.length;
    lane.ready = lane.ready.filter(isReady);
    heapify(lane.ready, byPriority(run));
    if (lane.ready.length === 0) releaseHold(state, lane);
  }
}

function clearQueues(state: SchedulerState, run: RunState): void {
  for (const lane of run.lanes) {
    lane.ready = [];
    releaseHold(state, lane);
  }
}
