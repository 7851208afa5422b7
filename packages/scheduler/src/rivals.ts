import type { FinishedAttempt, Reason, TaskSpec } from '@org/dte-protocol';
import type { AttemptContext } from './contexts';
import { addDeadline } from './deadlines';
import type { RivalEnd } from './interface';
import { releaseLease } from './leases';
import { agentOf, at, refOf, taskOf } from './lookup';
import { appendEntry } from './run-log';
import type { Lease } from './lease';
import type { RunState, SchedulerState } from './state';

// Second starts. A task that has run for longer than usual is started once more, on another agent, while a slot would be idle
// (`second-starts.ts` decides). It then has two leases with different attempt numbers, on different agents: one in `run.leases`, by which
// the task is found, and one in `run.rivals`. Both are live: renewed, expired and lost each on its own. The first result counts, and
// ends the other attempt, which its agent learns by no longer being told to make it. What that agent says later is fenced like
// anything about an attempt that is not leased.
//
// A failure of the second start does not count while the first attempt goes on: nobody asked for the second one, so a machine that fails
// what passes elsewhere must not fail a task that it would not have had. What the first attempt says then is the result that there
// would be without second starts, failure or success: no failure of a task is ever hidden by a later attempt.
// Nothing of an attempt that was outrun becomes
// evidence, a duration or a result. What it has stored under the hash of the task before that stays: entries are immutable, agents store
// successes under a hash and nothing else, and it is what the next attempt of a lost one would find as well.

/**
 * May the task be started twice at all? Only if its results are as good as each other for everybody (Nx caches it), nothing
 * but its agent is affected by it, and its agent may run something else beside it.
 */
export const mayStartTwice = (spec: TaskSpec): boolean =>
  spec.secondStart === true &&
  spec.cacheable &&
  spec.parallelism &&
  spec.batch === undefined &&
  spec.continuousDependencies.length === 0 &&
  spec.initial.state === 'pending';

/** The other attempt of a task that has two. */
export function otherOf(run: RunState, lease: Lease): Lease | undefined {
  const rival = run.rivals.get(lease.index);
  return rival === lease ? run.leases.get(lease.index) : rival;
}

/** The task of an attempt runs from now on: it may become late. A second start is the last one of its task. */
export function watchLateness(state: SchedulerState, run: RunState, lease: Lease): void {
  const { index, attempt, second } = lease;
  const { lateMs } = taskOf(run, index);
  // The disk of an agent with one run is that of its main job: it is written to by one attempt at a time.
  if (lateMs === null || second || agentOf(state, lease.agentId).onlyRun !== null) return;
  lease.lateAtMs = state.nowMs + lateMs;
  addDeadline(state, lease.lateAtMs, { kind: 'late', runId: run.runId, index, attempt });
}

/** The result of this attempt counts: another one of its task is over. Also notes how fast its agent is. */
export function outrun(context: AttemptContext, result: FinishedAttempt): void {
  const { state, run, lease } = context;
  const agent = agentOf(state, lease.agentId);
  const loser = otherOf(run, lease);
  if (lease.lateAtMs !== null) agent.slow = lease.lateAtMs <= state.nowMs;
  else if (loser !== undefined || tookNoLonger(context, result)) agent.slow = false;
  if (loser === undefined) return;
  if (!loser.second) agentOf(state, loser.agentId).slow = true;
  end({ ...context, lease: loser }, lease.second ? 'second' : 'first');
}

/** It ran, and was no slower than it usually is: of a task that may not start twice, that is all that is known. */
function tookNoLonger(
  { state, run, lease }: AttemptContext,
  { status, fromCache }: FinishedAttempt,
): boolean {
  const expectedMs = run.graph.expectedMs[lease.index] ?? null;
  if (status !== 'success' || fromCache !== null || expectedMs === null || lease.runsSinceMs === null)
    return false;
  return state.nowMs - lease.runsSinceMs <= expectedMs;
}

/**
 * The second start has failed, and the first attempt goes on: that one decides. If it is lost, the task is tried again elsewhere.
 * @returns false: the result counts
 */
export function leavesToFirst(context: AttemptContext, { status }: FinishedAttempt): boolean {
  const { run, lease } = context;
  if (!lease.second || status !== 'failure' || otherOf(run, lease) === undefined) return false;
  const { lostOn } = taskOf(run, lease.index);
  if (!lostOn.includes(lease.agentId)) lostOn.push(lease.agentId);
  end(context, 'failed');
  return true;
}

/**
 * A slot is needed for a task that has not been started at all. The late task may be started again, but only when it has run for twice
 * as long on top: whoever is in the way often must not be stopped and started often.
 * @param context of the second attempt
 */
export function withdraw(context: AttemptContext): void {
  const { state, run, lease } = context;
  const { index } = lease;
  const first = otherOf(run, lease);
  const task = taskOf(run, index);
  const lateMs = task.lateMs === null ? null : 2 * task.lateMs;
  end(context, 'withdrawn');
  if (first === undefined || lateMs === null) return;
  task.lateMs = lateMs;
  const againMs = state.nowMs + lateMs;
  addDeadline(state, againMs, { kind: 'late', runId: run.runId, index, attempt: first.attempt, againMs });
}

/**
 * One of two attempts was lost: the other goes on alone, and the task is not ready again.
 * @param counted as in `loseAttempt`; losing what was only tried in addition never counts
 */
export function leaveToOther(context: AttemptContext, reason: Reason, counted: boolean): void {
  const { run, lease } = context;
  const task = taskOf(run, lease.index);
  if (counted && !lease.second) task.lost++;
  if (counted && !task.lostOn.includes(lease.agentId)) task.lostOn.push(lease.agentId);
  end(context, lease.second ? 'first' : 'second', reason);
}

/** Ends one of two attempts; the other is the task's only one from now on. */
function end(context: AttemptContext, how: RivalEnd, lost?: Reason): void {
  const { state, run, lease, out } = context;
  const { index, attempt, agentId } = lease;
  const taskId = at(run.graph.ids, index);
  const reason = lost ?? reasonOf(context, how);
  const agent = refOf(agentOf(state, agentId));
  appendEntry(run, { type: 'retried', taskId, attempt, agent, reason, atMs: state.nowMs }, out);
  out.event({ type: 'task.outrun', runId: run.runId, taskId, attempt, agentId, end: how });
  const rival = run.rivals.get(index);
  if (rival !== undefined && rival !== lease) {
    run.leases.set(index, rival);
    run.rivals.set(index, lease);
    taskOf(run, index).state = { name: 'leased', lease: rival };
  }
  releaseLease(state, run, lease, out);
  // One second start for each task.
  taskOf(run, index).lateMs = null;
}

const WHY: Readonly<Record<RivalEnd, (first: string, second: string) => string>> = {
  first: (first, second) => `was started a second time on ${second}, and ${first} had the first result`,
  second: (first, second) => `was started a second time on ${second}, which had the first result`,
  failed: (first, second) =>
    `was started a second time on ${second}, where it failed; ${first} has the result that counts`,
  withdrawn: (first, second) =>
    `was started a second time on ${second}, which then had to make room for another task`,
};

function reasonOf({ state, run, lease }: AttemptContext, how: RivalEnd): Reason {
  const taskId = at(run.graph.ids, lease.index);
  const other = otherOf(run, lease);
  const nameOf = (each: Lease | undefined): string =>
    each === undefined ? 'another agent' : agentOf(state, each.agentId).name;
  const [first, second] = lease.second ? [other, lease] : [lease, other];
  const what = WHY[how](nameOf(first), nameOf(second));
  const message = `${taskId} ran for longer than usual on ${nameOf(first)}, ${what}.`;
  return { code: 'DTE_SECOND_START', message };
}
