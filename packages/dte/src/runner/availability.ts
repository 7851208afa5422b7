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

/** Agents named in a message. */
const NAMED = 3;

function unreachable(reports: readonly RendezvousReport[]): DteError {
  const named = reports
    .slice(0, NAMED)
    .map(({ name, jobUrl }) => (jobUrl === null ? name : `${name} (${jobUrl})`));
  const others = reports.length > NAMED ? ` and ${reports.length - NAMED} more` : '';
  const [first] = reports;
  return new DteError(
    'DTE_UNREACHABLE',
    `No agent can reach this job: ${named.join(', ')}${others} tried. ${first?.message ?? ''} The main job runs what is left itself.`,
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
    const message = `The coordinator has been away for ${seconds(patience.coordinatorGraceMs)}; the main job runs what is left itself.`;
    return { kind: 'give-up', error: new DteError('DTE_COORDINATOR_LOST', message) };
  }
  if (agentsGoneSinceMs === null) return { kind: 'wait', askAgainAtMs: null };
  // The others are where these are: whoever could come would be here by now.
  if (unreached.length > 0) return { kind: 'give-up', error: unreachable(unreached) };
  const untilMs = agentsGoneSinceMs + patience.agentWaitMs;
  if (nowMs < untilMs) return { kind: 'wait', askAgainAtMs: untilMs };
  const message = `No agent was connected for ${seconds(patience.agentWaitMs)}; the main job runs what is left itself.`;
  return { kind: 'give-up', error: new DteError('DTE_NO_AGENTS', message) };
}
