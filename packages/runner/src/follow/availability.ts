import { DteError, type RendezvousReport } from '@org/dte-protocol';

/** Since when something is missing; null while it is available. */
export interface Presence {
  /** No connection to the coordinator since then. */
  readonly coordinatorGoneSinceMs: number | null;
  /** No connected agent since then. */
  readonly agentsGoneSinceMs: number | null;
  /** Reports of agents that cannot connect to this job; none after an agent has connected. */
  readonly unreached: readonly RendezvousReport[];
}

export interface Patience {
  readonly coordinatorGraceMs: number;
  readonly agentWaitMs: number;
}

export type Verdict =
  /** Continue; ask again at `askAgainAtMs` (null: only when something changes). */
  | { readonly kind: 'wait'; readonly askAgainAtMs: number | null }
  | { readonly kind: 'give-up'; readonly error: DteError };

/** Jobs whose logs a message names. Not configurable: it is only text of a message. */
const NAMED = 3;

/**
 * Everyone who can write to the rendezvous can report (on GitLab, every job of the project), without authentication:
 * their names and messages are not shown.
 */
function unreachable(reports: readonly RendezvousReport[]): DteError {
  const logs = reports.flatMap(({ jobUrl }) => (jobUrl === null ? [] : [jobUrl]));
  const others = logs.length > NAMED ? ` and ${logs.length - NAMED} more` : '';
  const where =
    logs.length === 0 ? '' : ` (details in the logs: ${logs.slice(0, NAMED).join(', ')}${others})`;
  const who = reports.length === 1 ? '1 agent reports' : `${reports.length} agents report`;
  return new DteError(
    'DTE_UNREACHABLE',
    `No agent can reach this job: ${who} so${where}. The main job runs the remaining tasks itself.`,
  );
}

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;

/**
 * Whether to keep waiting for agents. While the coordinator is away, nothing is known about the agents, so the two
 * waits never run at the same time.
 */
export function judgeAvailability(presence: Presence, patience: Patience, nowMs: number): Verdict {
  const { coordinatorGoneSinceMs, agentsGoneSinceMs, unreached } = presence;
  if (coordinatorGoneSinceMs !== null) {
    const untilMs = coordinatorGoneSinceMs + patience.coordinatorGraceMs;
    if (nowMs < untilMs) return { kind: 'wait', askAgainAtMs: untilMs };
    const message = `The coordinator has been unavailable for ${seconds(patience.coordinatorGraceMs)}; the main job runs the remaining tasks itself.`;
    return { kind: 'give-up', error: new DteError('DTE_COORDINATOR_LOST', message) };
  }
  if (agentsGoneSinceMs === null) return { kind: 'wait', askAgainAtMs: null };
  // The others are where these are: an agent that could connect would have done so by now.
  if (unreached.length > 0) return { kind: 'give-up', error: unreachable(unreached) };
  const untilMs = agentsGoneSinceMs + patience.agentWaitMs;
  if (nowMs < untilMs) return { kind: 'wait', askAgainAtMs: untilMs };
  const message = `No agent was connected for ${seconds(patience.agentWaitMs)}; the main job runs the remaining tasks itself.`;
  return { kind: 'give-up', error: new DteError('DTE_NO_AGENTS', message) };
}
