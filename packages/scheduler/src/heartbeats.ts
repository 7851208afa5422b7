import type { AgentSync } from '@org/dte-protocol';
import { leasesOf } from './ahead';
import { listedLease } from './holdings';
import type { Heard } from './interface';
import type { SchedulerState } from './state';

/**
 * True if a sync shows only that its agent is still there: its step would renew the agent's leases, change nothing else
 * and send no answer. Most syncs are like this. They need not become separate inputs, only one `agents.heard` before
 * the next input of another kind.
 */
export function isHeartbeat(state: SchedulerState, agentId: string, sync: AgentSync): boolean {
  const agent = state.agents.get(agentId);
  if (agent?.connected !== true || sync.seq < agent.seq || agent.toldToStop) return false;
  if (agent.slots !== sync.slots || agent.draining !== sync.draining) return false;
  const held = agent.leases.size + agent.ahead.size;
  if (state.session.stop !== null || sync.work.length !== held) return false;
  const listed = new Set(
    sync.work.map((work) => {
      const lease = listedLease(state, agent, work);
      const isNews = work.phase.name === 'completed' || (work.phase.name === 'executing' && !lease?.started);
      return isNews ? undefined : lease;
    }),
  );
  // As many distinct leases as the agent has, all of them its own.
  return !listed.has(undefined) && listed.size === held;
}

/** Does anything depend on when the agent last sent a message? */
export function isAwaited(state: SchedulerState, agentId: string): boolean {
  const agent = state.agents.get(agentId);
  return agent !== undefined && agent.leases.size + agent.ahead.size > 0;
}

/**
 * Renews the leases of the agents that sent messages, each from the time of its message. Must run before anything
 * expires, because the messages arrived before that.
 */
export function renewHeard(state: SchedulerState, heard: Heard): void {
  const { leaseMs } = state.config;
  for (const [agentId, agoMs] of Object.entries(heard)) {
    const agent = state.agents.get(agentId);
    if (agent?.connected !== true) continue;
    const untilMs = state.nowMs - agoMs + leaseMs;
    for (const lease of leasesOf(agent)) lease.untilMs = Math.max(lease.untilMs, untilMs);
  }
}
