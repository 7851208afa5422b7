import { agentDisconnected, agentGone, agentJoined, agentRemoved, agentSynced, wantedOf } from './agents';
import { loseAttempt } from './attempts';
import { nextDeadline, takeDueDeadline } from './deadlines';
import type { DeadlineSubject } from './indexes';
import { sessionInfo } from './describe';
import { releaseUnneeded } from './early-release';
import { EffectsBuilder } from './effects-builder';
import { renewHeard } from './heartbeats';
import type { Effects, Input, Outgoing } from './interface';
import { placementLonely, watchPlacements } from './placements';
import { restartWaits, sessionRestored } from './restored';
import { takeUpdates } from './run-log';
import { mainDisconnected, mainLost, mainSynced, submitRun } from './runs';
import {
  agentRefused,
  configureSession,
  finishIfDone,
  finishWhenIdle,
  idleTooLong,
  mainConnected,
  mainLeft,
  takeInfoDue,
  updateIdle,
} from './session';
import type { SchedulerState } from './state';
import { agentOf, known, leaseOf, runOf } from './lookup';
import { assignWork, becomeLate } from './second-starts';

/**
 * Takes one input and returns the effects. Mutates `state`. The same inputs at the same times always give the same
 * state and the same effects, and no input of the right type makes it throw. If `nowMs` is before that of the previous
 * step, no time has passed.
 *
 * If a step comes much later than the previous step's `wakeAtMs` (more than half a lease), the process was frozen or
 * the clock was set. Then nothing expires, and every wait restarts.
 */
export function step(state: SchedulerState, input: Input, nowMs: number): Effects {
  passTime(state, nowMs);
  const out = new EffectsBuilder();
  if (input.type === 'session.restored') sessionRestored(state);
  else if (isLate(state)) restartWaits(state);
  if (input.type === 'agents.heard') renewHeard(state, input.agoMs);
  for (let due = takeDueDeadline(state); due !== undefined; due = takeDueDeadline(state)) {
    expire(state, due, out);
  }
  take(state, input, out);
  finishIfDone(state, out);
  updateIdle(state);
  watchPlacements(state);
  assignWork(state, out);
  // Dispatching can end tasks (too large for a frame), and the last run with them.
  finishIfDone(state, out);
  releaseUnneeded(state, out);
  const send = messages(state, out);
  state.wakeAtMs = nextDeadline(state)?.atMs ?? null;
  const wakeAtMs = state.wakeAtMs === null ? null : nowMs + (state.wakeAtMs - state.nowMs);
  return { send, events: out.events, wakeAtMs };
}

/** The state's time never goes back: if the clock does, the time stands still for one step and then continues from there. */
function passTime(state: SchedulerState, clockMs: number): void {
  state.nowMs += Math.max(0, clockMs - (state.clockMs ?? 0));
  state.clockMs = clockMs;
}

const isLate = ({ nowMs, wakeAtMs, config }: SchedulerState): boolean =>
  wakeAtMs !== null && nowMs - wakeAtMs > config.leaseMs / 2;

function take(state: SchedulerState, input: Input, out: EffectsBuilder): void {
  switch (input.type) {
    case 'session.configure':
      configureSession(state, input.settings, out);
      break;
    case 'session.complete':
      finishWhenIdle(state, 'The session was completed (dte complete-ci-run).');
      break;
    case 'session.restored':
      // Processed before anything can expire.
      break;
    case 'run.submit':
      submitRun(state, input, out);
      break;
    case 'main.sync':
      mainSynced(state, input.sync, out);
      break;
    case 'main.disconnected':
      mainDisconnected(state, input.runId);
      break;
    case 'main.connected':
      mainConnected(state);
      break;
    case 'main.left':
      mainLeft(state);
      break;
    case 'agent.joined':
      agentJoined(state, input.agent, out);
      break;
    case 'agent.sync':
      agentSynced(state, input.agentId, input.sync, out);
      break;
    case 'agents.heard':
      // Processed before anything can expire.
      break;
    case 'agent.disconnected':
      agentDisconnected(state, input.agentId, out);
      break;
    case 'agent.removed':
      agentRemoved(state, input.agentId, input.reason, out);
      break;
    case 'agent.refused':
      agentRefused(state, input.name, input.reason, out);
      break;
    case 'tick':
      break;
  }
}

function expire(state: SchedulerState, due: DeadlineSubject, out: EffectsBuilder): void {
  switch (due.kind) {
    case 'lease':
      expireLease(state, due, out);
      break;
    case 'late':
      becomeLate(state, runOf(state, due.runId), due.index);
      break;
    case 'agent-gone':
      agentGone(state, due.agentId, out);
      break;
    case 'main-lost':
      mainLost(state, due.runId, out);
      break;
    case 'placement':
      placementLonely(state, due.runId, due.index, out);
      break;
    case 'session-idle':
      idleTooLong(state, out);
      break;
    case 'prefetch':
    case 'release':
      // Every step ends with it.
      break;
    case 'session-info':
      // Sent at the end of each step in which it is due.
      break;
  }
}

function expireLease(
  state: SchedulerState,
  { runId, index, attempt }: Extract<DeadlineSubject, { kind: 'lease' }>,
  out: EffectsBuilder,
): void {
  const run = runOf(state, runId);
  const lease = known(leaseOf(run, index, attempt));
  const agent = agentOf(state, lease.agentId);
  const message = `Agent ${agent.name} sent no heartbeat for the task for ${state.config.leaseMs} ms.`;
  const reason = { code: 'DTE_LEASE_EXPIRED', message } as const;
  for (const waiting of lease.place === 'slot' ? [...agent.ahead] : []) {
    if (waiting.untilMs > state.nowMs) continue;
    loseAttempt({ state, run: runOf(state, waiting.runId), lease: waiting, out }, reason);
  }
  loseAttempt({ state, run, lease, out }, reason);
}

function messages(state: SchedulerState, out: EffectsBuilder): Outgoing[] {
  const send: Outgoing[] = [];
  for (const agentId of out.agents) {
    const agent = state.agents.get(agentId);
    const seq = out.answeredSync?.agentId === agentId ? out.answeredSync.seq : 0;
    if (agent?.connected === true) send.push({ to: 'agent', agentId, message: wantedOf(state, agent, seq) });
  }
  for (const runId of new Set([...out.runs, ...out.asked])) {
    const run = runOf(state, runId);
    if (!run.followed) continue;
    for (const message of takeUpdates(state, run, out.asked.has(runId)))
      send.push({ to: 'run', runId, message });
  }
  if (takeInfoDue(state)) send.push({ to: 'session', message: sessionInfo(state) });
  return send;
}
