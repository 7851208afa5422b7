import type { AgentRef, AttemptResult, ErrorCode, FinishedAttempt, Reason } from '@org/dte-protocol';
import type { AttemptContext } from './contexts';
import { refreshAgent } from './free-agents';
import { releaseLease } from './leases';
import { mayTryAgain, noteEvidence, retryTask } from './retries';
import { appendEntry } from './run-log';
import type { AgentState } from './state';
import { endTask, endingUntried, endingWithout, failServer, makeReadyAgain } from './tasks';
import { agentOf, at, taskOf } from './lookup';

const refOf = ({ agentId, name, jobUrl }: AgentState): AgentRef => ({ agentId, name, jobUrl });

/** The agent says that it is executing, or has executed: the main job hears of the start of each task once. */
export function markStarted({ state, run, lease, out }: AttemptContext): void {
  if (lease.started) return;
  lease.started = true;
  const { attempt } = lease;
  const agent = refOf(agentOf(state, lease.agentId));
  for (const index of lease.open) {
    const taskId = at(run.graph.ids, index);
    appendEntry(run, { type: 'started', taskId, attempt, agent, atMs: state.nowMs }, out);
  }
}

/** The one accepted result of an attempt; that of its task, unless it is a failure to be tried again. */
export function acceptResult(context: AttemptContext, result: FinishedAttempt): void {
  const { run, lease } = context;
  markStarted(context);
  noteFinished(context, lease.index, result);
  if (mayTryAgain(run, taskOf(run, lease.index), result)) retryTask(context, result);
  else settleTask(context, lease.index, { result });
}

/** A task ran on an agent, whatever is made of it. */
export function noteFinished(context: AttemptContext, index: number, result: FinishedAttempt): void {
  const agent = agentOf(context.state, context.lease.agentId);
  agent.finished++;
  agent.faults = 0;
  noteEvidence(context, index, result);
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
 * The agent has another hash than the main job and has not run the task. Whoever else has that hash does not make the
 * difference go away, so it is never tried elsewhere: the run says whether it is the end of the task or the main job's
 * turn. (A run that only wants a warning is not told so: its agents run the task.)
 */
export function acceptDrift(context: AttemptContext, index: number, result: FinishedAttempt): void {
  const { state, run, lease } = context;
  const agent = agentOf(state, lease.agentId);
  const { attempt } = lease;
  const { reason } = result;
  const status = run.onHashMismatch === 'run-on-main' ? 'returned' : 'failure';
  // Where one hash differs, the next one does as well: agents without a difference come first.
  agent.faults++;
  refreshAgent(state, agent);
  endTask(context, index, { status, attempt, agent: refOf(agent), result, reason });
}

/**
 * The agent returns an attempt.
 * @param result said with the task's end should this have been its last attempt
 */
export function returnAttempt(
  context: AttemptContext,
  reason: Reason,
  result: AttemptResult | null = null,
): void {
  const { state, lease } = context;
  const agent = agentOf(state, lease.agentId);
  // Leaving is no sign of something wrong with the machine, nor is what would come out the same on any other.
  if (!NO_FAULT.includes(reason.code)) agent.faults++;
  refreshAgent(state, agent);
  loseAttempt(context, reason, { result });
}

/**
 * An attempt was lost through no fault of the task, or of any task of a batch: it is ready again, or, after too
 * many, the main job's.
 * @param how `counted: false` when the agent certainly never began
 */
export function loseAttempt(
  context: AttemptContext,
  reason: Reason,
  { counted = true, result = null }: { counted?: boolean; result?: AttemptResult | null } = {},
): void {
  const { state, run, lease, out } = context;
  const { index, agentId, attempt } = lease;
  const { runId } = run;
  const indices = [...lease.open];
  const task = taskOf(run, index);
  const agent = refOf(agentOf(state, agentId));
  const { taskId } = lease.assignment;
  out.event({ type: 'task.lost', runId, taskId, attempt, agentId, reason });
  for (const each of counted ? indices.map((one) => taskOf(run, one)) : []) {
    each.lost++;
    if (!each.lostOn.includes(agentId)) each.lostOn.push(agentId);
  }
  if (run.bailed) {
    for (const each of indices) endTask(context, each, endingUntried(taskOf(run, each), reason));
  } else if (SAME_ANYWHERE.includes(reason.code)) {
    const ending = endingWithout('returned', reason);
    for (const each of indices) endTask(context, each, each === index ? { ...ending, result } : ending);
  } else if (task.lost >= state.config.attemptsPerTask) {
    const message = `Task ${taskId} was lost ${task.lost} times, the last time on ${agent.name} (${reason.code}): ${reason.message}`;
    const ending = endingWithout('returned', exhausted(message));
    for (const each of indices) endTask(context, each, each === index ? { ...ending, result } : ending);
  } else {
    releaseLease(state, run, lease, out);
    appendEntry(run, { type: 'retried', taskId, attempt, agent, reason }, out);
    makeReadyAgain(state, run, indices);
  }
}

/**
 * What an agent cannot store no other can, what one refuses to unpack all do, and what Nx refuses it refuses on every agent: told
 * once, and the main job runs the task, as Nx would without agents. The same for a wait of half an hour: four of them are too long.
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
 * An artifact that is damaged, or gone since, is the coordinator's trouble; one that is not what was made was so before it came to
 * this agent.
 */
const NO_FAULT: readonly ErrorCode[] = [
  ...SAME_ANYWHERE,
  'DTE_AGENT_LEFT',
  'DTE_ARTIFACT_DAMAGED',
  'DTE_ARTIFACT_MISSING',
  'DTE_OUTPUTS_DIFFER',
];

/** Reasons come from agents and may use up the length a reason may have. */
const exhausted = (message: string): Reason => ({
  code: 'DTE_ATTEMPTS_EXHAUSTED',
  message: message.slice(0, 16_384),
});
