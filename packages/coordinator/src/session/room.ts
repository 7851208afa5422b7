import { DteError, type LimitValues } from '@org/dte-protocol';
import { projectOf } from '../history/history';

/** A session in memory as far as its place is concerned. */
interface Occupant {
  readonly id: string;
  /** Since when nobody has been in it, nothing having been asked of it; null while that is not so. ms since the epoch. */
  readonly unusedSinceMs: number | null;
}

export interface RoomQuestion {
  readonly sessionId: string;
  /** Keys of all sessions in memory, those that are being loaded included. */
  readonly taken: Iterable<string>;
  readonly open: Iterable<Occupant>;
  readonly limits: Pick<LimitValues, 'sessionsPerCoordinator' | 'sessionsPerProject' | 'mainLostMs'>;
  readonly nowMs: number;
}

/**
 * Whether there is room for one more session. Where there is none, one of those that are not used has to go: nobody has been
 * in it for as long as a main job has to come back, and it has neither runs nor settings nor records, so that nothing is
 * lost with it. A project that has too many makes room among its own.
 * @returns the session that has to go first; null: none has to
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
