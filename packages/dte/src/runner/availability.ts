import { DteError } from '@org/dte-protocol';

/** Since when something is missing; null while it is there. */
export interface Presence {
  /** No connection to the coordinator since. */
  readonly coordinatorGoneSinceMs: number | null;
  /** No agent connected since. */
  readonly agentsGoneSinceMs: number | null;
}

export interface Patience {
  readonly coordinatorGraceMs: number;
  readonly agentWaitMs: number;
}

export type Verdict =
  /** Go on; ask again at `askAgainAtMs` (null: only when something changes). */
  | { readonly kind: 'wait'; readonly askAgainAtMs: number | null }
  | { readonly kind: 'give-up'; readonly error: DteError };

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;

/**
 * Whether waiting for agents still makes sense. While the coordinator is away nothing is known of the agents, so the
 * two waits never run at the same time.
 */
export function judgeAvailability(presence: Presence, patience: Patience, nowMs: number): Verdict {
  const { coordinatorGoneSinceMs, agentsGoneSinceMs } = presence;
  if (coordinatorGoneSinceMs !== null) {
    const untilMs = coordinatorGoneSinceMs + patience.coordinatorGraceMs;
    if (nowMs < untilMs) return { kind: 'wait', askAgainAtMs: untilMs };
    const message = `The coordinator has been away for ${seconds(patience.coordinatorGraceMs)}; the main job runs what is left itself.`;
    return { kind: 'give-up', error: new DteError('DTE_COORDINATOR_LOST', message) };
  }
  if (agentsGoneSinceMs === null) return { kind: 'wait', askAgainAtMs: null };
  const untilMs = agentsGoneSinceMs + patience.agentWaitMs;
  if (nowMs < untilMs) return { kind: 'wait', askAgainAtMs: untilMs };
  const message = `No agent was connected for ${seconds(patience.agentWaitMs)}; the main job runs what is left itself.`;
  return { kind: 'give-up', error: new DteError('DTE_NO_AGENTS', message) };
}
