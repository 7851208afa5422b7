import {
  type AttemptResult,
  type ErrorCode,
  type FinishedAttempt,
  LIMITS,
  type Reason,
} from '@org/dte-protocol';
import { noteRuns } from './ahead';
import type { AttemptContext } from './contexts';
import { refreshAgent } from './free-agents';
import { releaseLease } from './leases';
import { mayTryAgain, noteEvidence, retryTask } from './retries';
import { leavesToFirst, leaveToOther, otherOf, outrun, watchLateness } from './rivals';
import { appendEntry } from './run-log';
import { endTask, endingUntried, endingWithout, failServer, makeReadyAgain } from './tasks';
import { agentOf, at, refOf, taskOf } from './lookup';
import { takeBack } from './take-back';

/** The agent reports that it executes or has executed the attempt: the main job gets one start of each task. */
export function markStarted({ state, run, lease, out }: AttemptContext): void {
  if (lease.started) return;
  lease.started = true;
  noteRuns(state, lease);
  watchLateness(state, run, lease);
  const { attempt } = lease;
  const agent = refOf(agentOf(state, lease.agentId));
  for (const index of lease.open) {
    const taskId = at(run.graph.ids, index);
    const { sinceMs: assignedMs } = lease;
    const second = lease.second ? ({ second: true } as const) : {};
    appendEntry(
      run,
      { type: 'started', taskId, attempt, agent, atMs: state.nowMs, assignedMs, ...second },
      out,
    );
  }
}

/**
 * The one accepted result of an attempt. It ends the task, unless it is a failure that is retried. Of two attempts at the same time,
 * the first result counts, unless it is a failure of the second start: then the other attempt decides.
 */
export function acceptResult(context: AttemptContext, result: FinishedAttempt): void {
  const { run, lease } = context;
  markStarted(context);
  if (leavesToFirst(context, result)) return;
  outrun(context, result);
  noteFinished(context, lease.index, result);
  if (mayTryAgain(run, taskOf(run, lease.index), result)) retryTask(context, result);
  else settleTask(context, lease.index, { result });
}

/** A task ran on an agent, whatever follows from its result. */
export function noteFinished(context: AttemptContext, index: number, result: FinishedAttempt): void {
  const agent = agentOf(context.state, context.lease.agentId);
  agent.finished++;
  agent.faults = 0;
  noteEvidence(context, index, result);
  noteDuration(context, index, result);
}

/** Only what a task took that ran to its end says how long it takes: neither a cache's answer nor a failure does. */
function noteDuration(
  { state, run, lease, out }: AttemptContext,
  index: number,
  result: FinishedAttempt,
): void {
  const { status, fromCache, reason, measured } = result;
  if (status !== 'success' || fromCache !== null || reason !== null || measured === undefined) return;
  const { runMs, cpuMs, peakMemoryBytes, storedBytes: outputBytes } = measured;
  const { labels } = agentOf(state, lease.agentId);
  const taskId = at(run.graph.ids, index);
  const took = { runMs, cpuMs, peakMemoryBytes, outputBytes };
  out.event({ type: 'task.measured', runId: run.runId, taskId, labels, ...took });
}

/** The result is how the task ended. */
export function settleTask(
  context: AttemptContext,
  index: number,
  { result, batchLog }: { result: FinishedAttempt; batchLog?: string },
): void {
  const { state, run, lease } = context;
  const { agentId, attempt } = lease;
  const task = taskOf(run, index);
  const taskId = at(run.graph.ids, index);
  const { status, reason } = result;
  if (status === 'success') {
    task.madeOn = agentId;
    const hash = result.hash ?? task.hash;
    task.outputs = result.artifact.kind === 'none' ? null : { taskId, hash, artifact: result.artifact };
  }
  for (const { taskId: server, failed } of result.servers ?? []) if (failed) failServer(context, server);
  const agent = refOf(agentOf(state, agentId));
  const log = batchLog === undefined ? {} : { batchLog };
  endTask(context, index, { status, attempt, agent, result, reason, ...log });
}

/**
 * The agent's hash differs from the main job's, and it has not run the task. An agent with the right hash would not
 * remove the difference, so the task is never retried elsewhere: the run decides whether it fails or the main job runs
 * it. (With `warn`, an agent runs the task and does not report this.)
 */
export function acceptDrift(context: AttemptContext, index: number, result: FinishedAttempt): void {
  const { state, run, lease } = context;
  const agent = agentOf(state, lease.agentId);
  const { attempt } = lease;
  const { reason } = result;
  const status = run.onHashMismatch === 'run-on-main' ? 'returned' : 'failure';
  // Where one hash differs, the next one differs as well: agents without a difference come first.
  agent.faults++;
  refreshAgent(state, agent);
  endTask(context, index, { status, attempt, agent: refOf(agent), result, reason });
}

/**
 * The agent returns an attempt.
 * @param result reported with the end of the task if this was its last attempt
 */
export function returnAttempt(
  context: AttemptContext,
  reason: Reason,
  result: AttemptResult | null = null,
): void {
  const { state, lease } = context;
  const agent = agentOf(state, lease.agentId);
  if (reason.code === 'DTE_RECALLED' && takeBack(context)) return;
  // Leaving does not mean that the machine has a problem, and neither does a result that any other machine would have.
  if (!NO_FAULT.includes(reason.code)) agent.faults++;
  refreshAgent(state, agent);
  loseAttempt(context, reason, { result });
}

/**
 * An attempt was lost through no fault of the task, or of any task of a batch. The task is ready again or, after too
 * many lost attempts, goes to the main job.
 * @param how `counted: false` if the agent certainly never started it
 */
export function loseAttempt(
  context: AttemptContext,
  reason: Reason,
  { counted = true, result = null }: { counted?: boolean; result?: AttemptResult | null } = {},
): void {
  const { state, run, lease, out } = context;
  // It waited for a slot, and its agent has not said that it began.
  if (lease.place !== 'slot' && takeBack(context)) return;
  const { index, agentId, attempt } = lease;
  const { runId } = run;
  const indices = [...lease.open];
  const task = taskOf(run, index);
  const agent = refOf(agentOf(state, agentId));
  const { taskId } = lease.assignment;
  out.event({ type: 'task.lost', runId, taskId, attempt, agentId, reason });
  if (otherOf(run, lease) !== undefined) {
    leaveToOther(context, reason, counted);
    return;
  }
  for (const each of counted ? indices.map((one) => taskOf(run, one)) : []) {
    each.lost++;
    if (!each.lostOn.includes(agentId)) each.lostOn.push(agentId);
  }
  if (run.bailed) {
    for (const each of indices) endTask(context, each, endingUntried(taskOf(run, each), reason));
  } else if (SAME_ANYWHERE.includes(reason.code) || lacksGiven(context, reason)) {
    const ending = endingWithout('returned', reason);
    for (const each of indices) endTask(context, each, each === index ? { ...ending, result } : ending);
  } else if (task.lost >= state.config.attemptsPerTask) {
    const message = `Task ${taskId} was lost ${task.lost} times, the last time on ${agent.name} (${reason.code}): ${reason.message}`;
    const ending = endingWithout('returned', exhausted(message));
    for (const each of indices) endTask(context, each, each === index ? { ...ending, result } : ending);
  } else {
    releaseLease(state, run, lease, out);
    const atMs = state.nowMs;
    appendEntry(run, { type: 'retried', taskId, attempt, agent, reason, atMs }, out);
    makeReadyAgain(state, run, indices);
  }
}

/**
 * Problems that every agent would have: outputs that cannot be stored or unpacked, tasks that Nx refuses. They are not
 * retried: the main job runs the task, as Nx would without agents. The same applies to a wait of half an hour, because
 * four are too long.
 */
const SAME_ANYWHERE: readonly ErrorCode[] = [
  'DTE_ARTIFACT_UNSAFE',
  'DTE_ARTIFACT_UNDECLARED',
  'DTE_ARTIFACT_TOO_LARGE',
  'DTE_OUTPUT_NAME',
  'DTE_OUTPUTS_BUSY',
  'DTE_NX_FAILED',
];

/**
 * Something that the task needs is damaged or gone, and some of it was there before the run: no agent has made it, so that no agent
 * still has it, and each would find as little. The main job has it made again.
 */
function lacksGiven({ run, lease }: AttemptContext, { code }: Reason): boolean {
  if (code !== 'DTE_ARTIFACT_DAMAGED' && code !== 'DTE_ARTIFACT_MISSING') return false;
  const needed = new Set(lease.assignment.closure.map(({ taskId }) => taskId));
  return run.tasks.some(({ kind }, index) => kind === 'done' && needed.has(at(run.graph.ids, index)));
}

/**
 * An artifact that is damaged or was removed later is a problem of the coordinator. An artifact that differs from what
 * was made already differed before it reached this agent.
 */
const NO_FAULT: readonly ErrorCode[] = [
  ...SAME_ANYWHERE,
  'DTE_RECALLED',
  'DTE_AGENT_LEFT',
  'DTE_RECALLED',
  'DTE_ARTIFACT_DAMAGED',
  'DTE_ARTIFACT_MISSING',
  'DTE_OUTPUTS_DIFFER',
];

/** Reasons come from agents and may already have the maximum length of a reason. */
const exhausted = (message: string): Reason => ({
  code: 'DTE_ATTEMPTS_EXHAUSTED',
  message: message.slice(0, LIMITS.reasonChars.value),
});
