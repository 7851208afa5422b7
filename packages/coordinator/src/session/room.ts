import { DteError, type LimitValues, projectOf } from '@org/dte-protocol';

/** What is known of a session in memory for the decision which one is evicted. */
interface Occupant {
  readonly id: string;
  /** Since when it has no members and no state that is needed; null while it has. ms since the epoch. */
  readonly unusedSinceMs: number | null;
}

export interface RoomQuestion {
  readonly sessionId: string;
  /** Keys of all sessions in memory, including those being loaded. */
  readonly taken: Iterable<string>;
  readonly open: Iterable<Occupant>;
  readonly limits: Pick<LimitValues, 'sessionsPerCoordinator' | 'sessionsPerProject' | 'mainLostMs'>;
  readonly nowMs: number;
}

/**
 * Decides whether there is room for one more session. If not, an unused one is evicted: nobody has been in it for as
 * long as a main job has time to reconnect, and it has no runs, settings or records, so nothing is lost. A project that
 * has too many sessions evicts one of its own.
 * @returns the session to evict first; null: none
 * @throws DteError DTE_TOO_MANY
 */
export function makeRoom({ sessionId, taken, open, limits, nowMs }: RoomQuestion): string | null {
  const project = projectOf(sessionId);
  const all = [...taken];
  const inProject = all.filter((id) => projectOf(id) === project).length;
  const isProjectFull = inProject >= limits.sessionsPerProject;
  if (!isProjectFull && all.length < limits.sessionsPerCoordinator) return null;
  let oldest: { id: string; sinceMs: number } | null = null;
  for (const { id, unusedSinceMs: sinceMs } of open) {
    if (sinceMs === null || nowMs - sinceMs < limits.mainLostMs) continue;
    if (isProjectFull && projectOf(id) !== project) continue;
    if (oldest === null || sinceMs < oldest.sinceMs) oldest = { id, sinceMs };
  }
  if (oldest !== null) return oldest.id;
  throw new DteError(
    'DTE_TOO_MANY',
    isProjectFull
      ? `The coordinator already serves ${inProject} sessions of this project (limit sessionsPerProject, DTE_MAX_PROJECT_SESSIONS).`
      : `The coordinator already serves ${all.length} sessions (limit sessionsPerCoordinator, DTE_MAX_SESSIONS).`,
  );
}
