import type { AgentRef, AttemptResult, ErrorCode, FinishedAttempt, Reason } from '@org/dte-protocol';
import type { EffectsBuilder } from './effects-builder';
import { refreshAgent } from './free-agents';
import { releaseLease } from './leases';
import { mayTryAgain, noteEvidence, retryTask } from './retries';
import { appendEntry } from './run-log';
import type { AgentState, Lease, RunState, SchedulerState } from './state';
import { endTask, endingUntried, endingWithout, failServer, makeReady } from './tasks';
import { agentOf, taskOf } from './lookup';

const refOf = ({ agentId, name, jobUrl }: AgentState): AgentRef => ({ agentId, name, jobUrl });

/** The agent says that it is executing, or has executed: the main job hears of the start once. */
export function markStarted(state: SchedulerState, run: RunState, lease: Lease, out: EffectsBuilder): void {
  if (lease.started) return;
  lease.started = true;
  const { taskId, attempt } = lease.assignment;
  const agent = refOf(agentOf(state, lease.agentId));
  appendEntry(run, { type: 'started', taskId, attempt, agent, atMs: state.nowMs }, out);
}

/** The one accepted result of an attempt; that of its task, unless it is a failure to be tried again. */
export function acceptResult(
  state: SchedulerState,
  run: RunState,
  lease: Lease,
  result: FinishedAttempt,
  out: EffectsBuilder,
): void {
  const task = taskOf(run, lease.index);
  const agent = agentOf(state, lease.agentId);
  const { taskId, attempt } = lease.assignment;
  markStarted(state, run, lease, out);
  agent.finished++;
  agent.faults = 0;
  noteEvidence(run, lease, result, out);
  if (mayTryAgain(run, task, result)) {
    retryTask(state, run, lease, result, out);
    return;
  }
  if (result.status === 'success') {
    task.madeOn = agent.agentId;
    const hash = result.hash ?? task.hash;
    task.outputs = result.artifact.kind === 'none' ? null : { taskId, hash, artifact: result.artifact };
  }
  const { status, reason } = result;
  for (const { taskId: server, failed } of result.servers ?? [])
    if (failed) failServer(state, run, server, out);
  endTask(state, run, lease.index, { status, attempt, agent: refOf(agent), result, reason }, out);
}

/**
 * The agent has another hash than the main job and has not run the task. Whoever else has that hash does not make the
 * difference go away, so it is never tried elsewhere: the run says whether it is the end of the task or the main job's
 * turn. (A run that only wants a warning is not told so: its agents run the task.)
 */
export function acceptDrift(
  state: SchedulerState,
  run: RunState,
  lease: Lease,
  result: FinishedAttempt,
  out: EffectsBuilder,
): void {
  const agent = agentOf(state, lease.agentId);
  const { attempt } = lease;
  const { reason } = result;
  const status = run.onHashMismatch === 'run-on-main' ? 'returned' : 'failure';
  // Where one hash differs, the next one does as well: agents without a difference come first.
  agent.faults++;
  refreshAgent(state, agent);
  endTask(state, run, lease.index, { status, attempt, agent: refOf(agent), result, reason }, out);
}

/**
 * The agent hands an attempt back.
 * @param result said with the task's end should this have been its last attempt
 */
export function returnAttempt(
  state: SchedulerState,
  run: RunState,
  lease: Lease,
  reason: Reason,
  out: EffectsBuilder,
  result: AttemptResult | null = null,
): void {
  const agent = agentOf(state, lease.agentId);
  // Leaving is no sign of something wrong with the machine, nor are outputs that cannot be stored.
  if (reason.code !== 'DTE_AGENT_LEFT' && !SAME_ANYWHERE.includes(reason.code)) agent.faults++;
  refreshAgent(state, agent);
  loseAttempt(state, run, lease, reason, out, { result });
}

/**
 * An attempt came to nothing through no fault of the task: it is ready again, or, after too many, the main job's.
 * @param how `counted: false` when the agent certainly never began
 */
export function loseAttempt(
  state: SchedulerState,
  run: RunState,
  lease: Lease,
  reason: Reason,
  out: EffectsBuilder,
  { counted = true, result = null }: { counted?: boolean; result?: AttemptResult | null } = {},
): void {
  const { index, agentId, attempt } = lease;
  const { runId } = run;
  const task = taskOf(run, index);
  const agent = refOf(agentOf(state, agentId));
  const { taskId } = lease.assignment;
  out.event({ type: 'task.lost', runId, taskId, attempt, agentId, reason });
  if (counted) {
    task.lost++;
    if (!task.lostOn.includes(agentId)) task.lostOn.push(agentId);
  }
  if (run.bailed) {
    endTask(state, run, index, endingUntried(task, reason), out);
  } else if (SAME_ANYWHERE.includes(reason.code)) {
    endTask(state, run, index, { ...endingWithout('returned', reason), result }, out);
  } else if (task.lost >= state.config.attemptsPerTask) {
    const message = `Task ${taskId} was lost ${task.lost} times, the last time on ${agent.name} (${reason.code}): ${reason.message}`;
    endTask(state, run, index, { ...endingWithout('returned', exhausted(message)), result }, out);
  } else {
    releaseLease(state, run, lease, out);
    appendEntry(run, { type: 'retried', taskId, attempt, agent, reason }, out);
    makeReady(state, run, index);
  }
}

/** What an agent cannot store no other can: the outputs stay where the task runs, so the main job runs it. */
const SAME_ANYWHERE: readonly ErrorCode[] = ['DTE_ARTIFACT_UNSAFE', 'DTE_ARTIFACT_TOO_LARGE'];

/** Reasons come from agents and may use up the length a reason may have. */
const exhausted = (message: string): Reason => ({
  code: 'DTE_ATTEMPTS_EXHAUSTED',
  message: message.slice(0, 16_384),
});
