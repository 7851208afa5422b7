import { LIMITS, type Reason, type SessionSettings } from '@org/dte-protocol';
import { addDeadline } from './deadlines';
import type { EffectsBuilder } from './effects-builder';
import { refreshAgent } from './free-agents';
import { slotsByRules } from './pools';
import type { RunPhase, RunState, SchedulerState } from './state';

const SESSION_INFO_MS = LIMITS.sessionInfoMs.value;

/**
 * The settings come from a main job that opens the session. After the session has finished, this is a retried main job,
 * and its agents are probably retried too: unlike a late run, it will submit more.
 */
export function configureSession(
  state: SchedulerState,
  settings: SessionSettings,
  out: EffectsBuilder,
): void {
  state.session.settings = settings;
  if (state.session.phase !== 'finished') return;
  state.session.finishWhenIdle = null;
  reopenSession(state, out);
}

/** Agents leave as soon as no run is open; the first reason is kept. */
export function finishWhenIdle(state: SchedulerState, message: string): void {
  state.session.finishWhenIdle ??= { code: 'DTE_SESSION_FINISHED', message };
}

export function finishIfDone(state: SchedulerState, out: EffectsBuilder): void {
  const { session } = state;
  if (session.phase === 'finished' || session.finishWhenIdle === null || state.openRuns.size > 0) return;
  finishSession(state, session.finishWhenIdle, out);
}

function finishSession(state: SchedulerState, reason: Reason, out: EffectsBuilder): void {
  state.session.phase = 'finished';
  state.session.stop = reason;
  for (const agentId of state.agents.keys()) out.tellAgent(agentId);
  membershipChanged(state);
  out.event({ type: 'session.finished', reason });
}

/** New work arrived after the end: agents that have not left may stay for it. */
export function reopenSession(state: SchedulerState, out: EffectsBuilder): void {
  state.session.phase = 'open';
  state.session.stop = null;
  for (const agentId of state.agents.keys()) out.tellAgent(agentId);
  membershipChanged(state);
  out.event({ type: 'session.reopened' });
}

/** A run's last task has ended, or the run was cancelled. */
export function endRun(
  state: SchedulerState,
  run: RunState,
  phase: Exclude<RunPhase, 'running'>,
  out: EffectsBuilder,
): void {
  if (run.phase !== 'running') return;
  run.phase = phase;
  state.openRuns.delete(run.runId);
  out.answerRun(run.runId);
  out.event({ type: 'run.ended', runId: run.runId, state: phase });
  updateDefaultSlots(state, out);
  const named = run.requestedTargets.filter((target) =>
    state.session.settings.stopAgentsAfter.includes(target),
  );
  if (named.length > 0)
    finishWhenIdle(state, `The targets of --stop-agents-after have run (${named.join(', ')}).`);
}

/**
 * Agents without --slots use the highest --parallel of the open runs, or more if a rule of such a run sends more tasks
 * to agents with their labels. Between two commands they keep their slots, because executors are expensive to start.
 */
export function updateDefaultSlots(state: SchedulerState, out: EffectsBuilder): void {
  let highest = 0;
  for (const runId of state.openRuns) highest = Math.max(highest, state.runs.get(runId)?.parallel ?? 0);
  if (highest === 0) return;
  const changed = new Set<string | null>();
  if (highest !== state.defaultSlots) changed.add(null);
  state.defaultSlots = highest;
  for (const [key, pool] of state.pools) {
    const slots = slotsByRules(state, key);
    if (slots !== pool.slots) changed.add(key);
    pool.slots = slots;
  }
  if (changed.size === 0) return;
  for (const agent of state.agents.values()) {
    if (agent.slots !== null || !(changed.has(null) || changed.has(agent.pool))) continue;
    refreshAgent(state, agent);
    out.tellAgent(agent.agentId);
  }
}

export function mainConnected(state: SchedulerState): void {
  state.session.mains++;
  state.session.mainSeen = true;
  // The new observer has no information yet.
  membershipChanged(state);
}

export function mainLeft(state: SchedulerState): void {
  state.session.mains = Math.max(0, state.session.mains - 1);
}

export function agentRefused(
  state: SchedulerState,
  name: string | null,
  reason: Reason,
  out: EffectsBuilder,
): void {
  const { refused } = state.session;
  out.event({ type: 'agent.refused', name, reason });
  // An agent that keeps retrying is one line in the main job's log.
  const known = refused.findIndex((other) => other.name === name && other.reason.code === reason.code);
  if (known >= 0) {
    // The number of unauthenticated clients has grown.
    if (name !== null || refused[known]?.reason.message === reason.message) return;
    refused[known] = { name, reason };
  } else {
    if (refused.length >= LIMITS.refusedPerSession.value) return;
    refused.push({ name, reason });
  }
  membershipChanged(state);
}

/** The members of the session have changed: main jobs and observers are informed, now or shortly. */
export function membershipChanged(state: SchedulerState): void {
  if (state.session.infoDue) return;
  state.session.infoDue = true;
  addDeadline(state, Math.max(state.nowMs, state.session.infoSentAtMs + SESSION_INFO_MS), {
    kind: 'session-info',
  });
}

/** True once when main jobs and observers must be informed. */
export function takeInfoDue(state: SchedulerState): boolean {
  const { session, nowMs } = state;
  if (!session.infoDue || nowMs < session.infoSentAtMs + SESSION_INFO_MS) return false;
  session.infoDue = false;
  session.infoSentAtMs = nowMs;
  return true;
}

/** Starts or ends the wait for `sessionIdleMs`, or for `mainLostMs` if a running main job would hold a connection. */
export function updateIdle(state: SchedulerState): void {
  const { session } = state;
  // Agents that connected before the main job wait for it; their own limit ends that wait.
  const awaited = !session.mainSeen && state.usable.agents > 0;
  const idle = session.phase === 'open' && session.mains === 0 && state.openRuns.size === 0 && !awaited;
  if (!idle || session.settings.requireExplicitCompletion) {
    session.idleSinceMs = null;
  } else if (session.idleSinceMs === null) {
    startIdleWait(state);
  }
}

export function startIdleWait(state: SchedulerState): void {
  state.session.idleSinceMs = state.nowMs;
  const sinceMs = state.nowMs;
  const { mainLostMs, sessionIdleMs } = state.config;
  const patienceMs =
    state.session.settings.held === true ? Math.min(mainLostMs, sessionIdleMs) : sessionIdleMs;
  addDeadline(state, sinceMs + patienceMs, { kind: 'session-idle', sinceMs });
}

export function idleTooLong(state: SchedulerState, out: EffectsBuilder): void {
  finishWhenIdle(
    state,
    state.session.settings.held === true
      ? 'The main job was disconnected for too long (DTE_MAIN_LOST_MS).'
      : 'The session had no main job and no runs for too long (DTE_SESSION_IDLE_MS).',
  );
  finishIfDone(state, out);
}
