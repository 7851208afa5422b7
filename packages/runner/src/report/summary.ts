import { type AgentInfo, duration, plural, type SessionInfo } from '@org/dte-protocol';

/** Agents that are named one by one; more are counted. Not configurable: only text of a message. */
const NAMED_AGENTS = 8;

/** What ran where, counted while a command runs. */
export interface Tally {
  /** Agent name -> tasks it finished. */
  readonly byAgent: ReadonlyMap<string, number>;
  readonly fromCache: number;
  /** Tasks that the main job ran itself. */
  readonly here: number;
  /** Attempts that were lost and retried. */
  readonly retried: number;
  readonly total: number;
  readonly elapsedMs: number;
}

/** `dte: session 7-1001 · 3 agents · 6 slots`, or that there are no agents yet. */
export function startLine(
  sessionId: string,
  agents: readonly AgentInfo[],
  parallel: number,
  agentWaitMs: number,
): string {
  const connected = agents.filter((agent) => agent.connected && !agent.draining);
  if (connected.length === 0) {
    return `dte: session ${sessionId} · no agent yet, waiting up to ${duration(agentWaitMs)}`;
  }
  const slots = connected.reduce((sum, agent) => sum + (agent.slots ?? parallel), 0);
  // How many of them tasks can use depends on the tasks, with --slots=auto.
  const atMost = connected.some(({ capacity }) => capacity !== undefined) ? 'up to ' : '';
  return `dte: session ${sessionId} · ${plural(connected.length, 'agent')} · ${atMost}${plural(slots, 'slot')}`;
}

/**
 * Agents that were released since the last time: `dte: 2 agents leave: the rest of the session can't use them`; null: none.
 * @param before how many were already
 */
export function releasedLine(before: number, { released = 0 }: Pick<SessionInfo, 'released'>): string | null {
  const more = released - before;
  if (more <= 0) return null;
  const who = more === 1 ? '1 agent leaves' : `${more} agents leave`;
  return `dte: ${who}: the rest of the session can't use ${more === 1 ? 'it' : 'them'} (option releaseAgentsEarly)`;
}

/** `dte: 12 tasks on 3 agents in 34 s · agent-1: 5 · agent-2: 4 · agent-3: 3 · 4 from cache`. */
export function endLine(tally: Tally): string {
  const agents = [...tally.byAgent].sort(([a, x], [b, y]) => y - x || a.localeCompare(b));
  const distributed = agents.reduce((sum, [, count]) => sum + count, 0);
  const head =
    agents.length === 0
      ? `dte: ${plural(tally.total, 'task')} in ${duration(tally.elapsedMs)}`
      : `dte: ${plural(distributed, 'task')} on ${plural(agents.length, 'agent')} in ${duration(tally.elapsedMs)}`;
  const parts = [head, ...agents.slice(0, NAMED_AGENTS).map(([name, count]) => `${name}: ${count}`)];
  if (agents.length > NAMED_AGENTS) parts.push(`${agents.length - NAMED_AGENTS} more agents`);
  if (tally.fromCache > 0) parts.push(`${tally.fromCache} from cache`);
  if (tally.here > 0) parts.push(`${tally.here} in this job`);
  if (tally.retried > 0) parts.push(`${tally.retried} retried`);
  return parts.join(' · ');
}
