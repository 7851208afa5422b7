import type { AgentSync } from '@org/dte-protocol';
import { listedLease } from './holdings';
import type { Heard } from './interface';
import type { SchedulerState } from './state';

/**
 * True when a sync says nothing but that its agent is still there: its step would renew the agent's leases and change
 * nothing else, nor would it be answered. Most syncs are of this kind; they need not become inputs one by one, but only as
 * `agents.heard` before the next input that is one.
 */
export function isHeartbeat(state: SchedulerState, agentId: string, sync: AgentSync): boolean {
  const agent = state.agents.get(agentId);
  if (agent?.connected !== true || sync.seq < agent.seq || agent.toldToStop) return false;
  if (agent.slots !== sync.slots || agent.draining !== sync.draining) return false;
  if (state.session.stop !== null || sync.work.length !== agent.leases.size) return false;
  const listed = new Set(
    sync.work.map((work) => {
      const lease = listedLease(state, agent, work);
      const isNews = work.phase.name === 'completed' || (work.phase.name === 'executing' && !lease?.started);
      return isNews ? undefined : lease;
    }),
  );
  // As many different leases as there are, and all of them its own.
  return !listed.has(undefined) && listed.size === agent.leases.size;
}

/** Does anything depend on when the agent was last heard of? */
export const isAwaited = (state: SchedulerState, agentId: string): boolean =>
  (state.agents.get(agentId)?.leases.size ?? 0) > 0;

/**
 * Renews the leases of the agents heard of, each from the time at which it was. To come before anything expires: what they
 * said was said before.
 */
export function renewHeard(state: SchedulerState, heard: Heard): void {
  const { leaseMs } = state.config;
  for (const [agentId, agoMs] of Object.entries(heard)) {
    const agent = state.agents.get(agentId);
    if (agent?.connected !== true) continue;
    const untilMs = state.nowMs - agoMs + leaseMs;
    for (const lease of agent.leases) lease.untilMs = Math.max(lease.untilMs, untilMs);
  }
}
