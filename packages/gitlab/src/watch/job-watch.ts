import type { LimitValues } from '@org/dte-protocol';
import { gitlabCall } from '../http';
import type { GitlabJob } from '../job';

export interface JobWatchOptions {
  readonly job: GitlabJob | null;
  /** CA certificates that are trusted in addition to the usual ones, PEM. */
  readonly authorities: readonly string[];
  readonly limits: Pick<LimitValues, 'jobCheckMs' | 'rendezvousRequestMs' | 'rendezvousAnswerBytes'>;
  /** Called once. */
  readonly onEnded: () => void;
}

/**
 * The limits of a coordinator that is part of a job. If its job is watched, the end of the job ends the session, and a
 * running job is not idle, however long it works before its next nx command: the session outlasts any job. Agents
 * without work have their own limit (`agentIdleMs`).
 */
export const embeddedLimits = (limits: LimitValues, job: GitlabJob | null): LimitValues =>
  job?.isWatched === true
    ? { ...limits, sessionIdleMs: Math.max(limits.sessionIdleMs, limits.tokenMs) }
    : limits;

/** GitLab's answer to the token of a job that has ended. */
const UNAUTHORIZED = 401;

/** Refusals in a row before the job counts as ended, because an instance may be wrong for a moment. Not configurable: `jobCheckMs` sets how long this takes. */
const REFUSALS = 2;

/**
 * Asks GitLab whether the job of this process still runs: its token is valid only that long. A coordinator is a
 * background process, and where jobs are not containers, it outlives a cancelled or killed job, together with all its
 * agents. Does nothing outside GitLab jobs.
 * @returns stops the watch
 */
export function watchJob({ job, authorities, limits, onEnded }: JobWatchOptions): () => void {
  const { apiUrl = null, token = null } = job ?? {};
  if (apiUrl === null || token === null) return () => undefined;
  const [url, headers] = [new URL(`${apiUrl}/job`), { 'job-token': token }];
  let timer: NodeJS.Timeout | undefined;
  let refusals = 0;
  let over = false;

  const look = async (): Promise<void> => {
    // If GitLab cannot be asked, nothing is known.
    const status = await gitlabCall({
      method: 'GET',
      url,
      headers,
      ca: authorities,
      timeoutMs: limits.rendezvousRequestMs,
      maxBytes: limits.rendezvousAnswerBytes,
    }).then(
      (answer) => answer.status,
      () => null,
    );
    refusals = status === UNAUTHORIZED ? refusals + 1 : 0;
    if (over) return;
    if (refusals < REFUSALS) again(refusals > 0 ? limits.jobCheckMs / 10 : limits.jobCheckMs);
    else {
      over = true;
      onEnded();
    }
  };
  const again = (ms: number): void => {
    // It watches the process and must not keep it running.
    timer = setTimeout(() => void look(), ms).unref();
  };
  again(limits.jobCheckMs);
  return () => {
    over = true;
    clearTimeout(timer);
  };
}
