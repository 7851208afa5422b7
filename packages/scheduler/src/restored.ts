import { awaitReturn } from './agents';
import { leasesOf } from './ahead';
import { refreshAgent } from './free-agents';
import { awaitFitting } from './placements';
import { awaitMain } from './runs';
import { membershipChanged, startIdleWait } from './session';
import type { SchedulerState } from './state';
import { runOf } from './lookup';

/** Connections end with the process that held them. */
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
 * Every wait restarts with its full time. Nobody could connect while this process was not running, and messages that
 * arrived since then are still in the queue behind this input.
 */
export function restartWaits(state: SchedulerState): void {
  for (const agent of state.agents.values()) {
    for (const lease of leasesOf(agent)) lease.untilMs = state.nowMs + state.config.leaseMs;
    if (agent.connected) continue;
    agent.disconnectedAtMs = state.nowMs;
    // The coordinator was away, not the agent: it has the time of a lease, as agents that were connected have.
    awaitReturn(state, agent, state.config.leaseMs);
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
