import { awaitReturn } from './agents';
import { refreshAgent } from './free-agents';
import { awaitFitting } from './placements';
import { awaitMain } from './runs';
import { membershipChanged, startIdleWait } from './session';
import type { SchedulerState } from './state';
import { runOf } from './lookup';

/** No connection outlives the process that held it. */
export function sessionRestored(state: SchedulerState): void {
  for (const agent of state.agents.values()) {
    agent.connected = false;
    agent.disconnectedAtMs = state.nowMs;
    refreshAgent(state, agent);
  }
  for (const run of state.runs.values()) run.followed = false;
  state.session.mains = 0;
  membershipChanged(state);
  restartWaits(state);
}

/**
 * Everybody who is waited for gets the whole time again. Nobody could reach us while we were not running, and what
 * was said meanwhile is still in the queue behind the input at hand.
 */
export function restartWaits(state: SchedulerState): void {
  for (const agent of state.agents.values()) {
    for (const lease of agent.leases) lease.untilMs = state.nowMs + state.config.leaseMs;
    if (agent.connected) continue;
    agent.disconnectedAtMs = state.nowMs;
    awaitReturn(state, agent);
  }
  for (const runId of state.openRuns) {
    const run = runOf(state, runId);
    if (!run.followed) awaitMain(state, run);
    for (const [index, { lonelySinceMs }] of run.placements.entries()) {
      if (lonelySinceMs !== null) awaitFitting(state, run, index);
    }
  }
  if (state.session.idleSinceMs !== null) startIdleWait(state);
}
