import type { AgentRef, AttemptResult, EndedStatus, Reason } from '@org/dte-protocol';
import type { RunContext } from './contexts';
import type { EffectsBuilder } from './effects-builder';
import { areTogether, formUnit, noteGathered, takeUnits } from './batches';
import { releaseHold } from './free-agents';
import { heapify } from './heap';
import { byPriority, queueTask } from './lanes';
import { leaveLease } from './leases';
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

/** An ending that no attempt led to. */
export const endingWithout = (status: EndedStatus, reason: Reason | null = null): Ending => ({
  status,
  attempt: null,
  agent: null,
  result: null,
  reason,
});

/** How a task ends that nothing more is started of: as it failed, when it has, else without having been tried. */
export const endingUntried = ({ retry: { last } }: TaskRecord, reason: Reason | null = null): Ending =>
  last === null
    ? endingWithout('skipped', reason)
    : { status: 'failure', ...last, reason: last.result.reason };

/** Makes a task available to agents; one of a batch as soon as all of it is. */
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

/** Makes batches available that wait for nothing any more. */
export function makeBatchesReady(state: SchedulerState, run: RunState): void {
  for (const first of takeUnits(run)) queueTask(state, run, first);
}

/** Tasks whose attempt was lost: again, and together if they were. */
export function makeReadyAgain(state: SchedulerState, run: RunState, indices: readonly number[]): void {
  const [first] = indices;
  if (first === undefined) return;
  if (taskOf(run, first).batch === null) makeReady(state, run, first);
  else for (const each of formUnit(run, indices)) queueTask(state, run, each);
}

/**
 * Ends a task, and with it every task whose fate that decides: dependants of a failure are skipped, what was only
 * waiting for this becomes ready, `nx:noop` tasks end by themselves, a dependant of a `returned` task is returned as
 * soon as all its other dependencies ended (one of them may fail, and then it is skipped).
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

/** Ends every task that has not ended, in the order of the spec, and the run with it. */
export function endAll(state: SchedulerState, run: RunState, ending: Ending, out: EffectsBuilder): void {
  clearQueues(state, run);
  for (const index of run.tasks.keys()) record({ state, run, out }, index, ending);
  run.gatheredBatches = [];
  endRun(state, run, ending.status === 'cancelled' ? 'cancelled' : 'finished', out);
}

/** How a dependency of a task ended; `inside` when it is of the same batch, and the task did not wait for it. */
type Dependency = Pick<Ending, 'status' | 'reason'> & { inside: boolean };

/** What the end of one dependency means for a task; null when nothing yet. */
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
  if (task.state.name === 'leased') leaveLease({ state, run, lease: task.state.lease, out }, index);
  const waited = task.state.name === 'waiting';
  task.state = { name: 'ended', status: ending.status };
  if (waited && task.batch !== null) noteGathered(run, task.batch);
  // The main job settled it itself, or hears of it by its users: it expects no entry.
  if (task.kind === 'done' || task.kind === 'server') return;
  const taskId = at(run.graph.ids, index);
  run.done++;
  if (ending.status === 'failure') run.failed++;
  appendEntry(run, { type: 'ended', taskId, ...ending }, out);
  const { status, attempt } = ending;
  out.event({ type: 'task.ended', runId: run.runId, taskId, status, attempt });
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
  for (const [index, task] of run.tasks.entries()) {
    const { name } = task.state;
    if (name === 'waiting' || name === 'gathered' || name === 'ready')
      record(context, index, endingUntried(task));
  }
}

/** A server failed on an agent, as Nx counts it: what needs it and has not begun is skipped, or has failed already. */
export function failServer(context: RunContext, taskId: string): void {
  const { state, run } = context;
  const first = run.graph.indexOf.get(taskId);
  if (first === undefined || taskOf(run, first).kind !== 'server') return;
  bailAfterFailure(context);
  const servers = new Set([first]);
  // A Set is walked in the order of insertion, additions included.
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

/** Takes tasks that ended while they were ready out of the queues. */
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
