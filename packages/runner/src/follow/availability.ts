import { DteError, type RendezvousReport } from '@org/dte-protocol';

/** Since when something is missing; null while it is there. */
export interface Presence {
  /** No connection to the coordinator since. */
  readonly coordinatorGoneSinceMs: number | null;
  /** No agent connected since. */
  readonly agentsGoneSinceMs: number | null;
  /** What agents say that cannot reach this job; none once an agent has been there. */
  readonly unreached: readonly RendezvousReport[];
}

export interface Patience {
  readonly coordinatorGraceMs: number;
  readonly agentWaitMs: number;
}

export type Verdict =
  /** Go on; ask again at `askAgainAtMs` (null: only when something changes). */
  | { readonly kind: 'wait'; readonly askAgainAtMs: number | null }
  | { readonly kind: 'give-up'; readonly error: DteError };

/** Jobs whose logs a message names. No limit: it is only text of a message. */
const NAMED = 3;

/**
 * Reports come from whoever may write to the rendezvous (in GitLab every job of the project) and prove nothing: their
 * names and messages are not repeated.
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
 * Whether waiting for agents still makes sense. While the coordinator is away nothing is known of the agents, so the
 * two waits never run at the same time.
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
  // The others are where these are: whoever could come would be here by now.
  if (unreached.length > 0) return { kind: 'give-up', error: unreachable(unreached) };
  const untilMs = agentsGoneSinceMs + patience.agentWaitMs;
  if (nowMs < untilMs) return { kind: 'wait', askAgainAtMs: untilMs };
  const message = `No agent was connected for ${seconds(patience.agentWaitMs)}; the main job runs the remaining tasks itself.`;
  return { kind: 'give-up', error: new DteError('DTE_NO_AGENTS', message) };
}
