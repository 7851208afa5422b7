import type { LimitValues } from '@org/dte-protocol';
import { extraAuthorities, gitlabCall } from '../gitlab-http';
import type { Env } from '../config';

export interface JobWatchOptions {
  readonly env: Env;
  readonly limits: Pick<LimitValues, 'jobCheckMs' | 'rendezvousRequestMs' | 'rendezvousAnswerBytes'>;
  /** Called once. */
  readonly onEnded: () => void;
}

/** What GitLab answers to the token of a job that has ended. */
const UNAUTHORIZED = 401;

/** In a row, against an instance that is confused for a moment. */
const REFUSALS = 2;

/**
 * Asks GitLab whether the job of this process still runs: its token is good for no longer. A coordinator is a process in
 * the background, and where jobs are not containers it outlives a job that is cancelled or killed, with all agents in
 * it. Does nothing outside of GitLab jobs.
 * @returns the way to stop
 */
export function watchJob({ env, limits, onEnded }: JobWatchOptions): () => void {
  const { CI_API_V4_URL: apiUrl, CI_JOB_TOKEN: token } = env;
  if (!apiUrl || !token) return () => undefined;
  let timer: NodeJS.Timeout | undefined;
  let refusals = 0;
  let over = false;

  const look = async (): Promise<void> => {
    // Whoever cannot be asked knows nothing.
    const status = await gitlabCall({
      method: 'GET',
      url: new URL(`${apiUrl}/job`),
      headers: { 'job-token': token },
      ca: extraAuthorities(env),
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
    // It watches over the process and is no reason for it to stay.
    timer = setTimeout(() => void look(), ms).unref();
  };
  again(limits.jobCheckMs);
  return () => {
    over = true;
    clearTimeout(timer);
  };
}
