import type { LimitValues } from '@org/dte-protocol';
import { extraAuthorities, gitlabCall } from '../gitlab-http';
import type { Env } from '@org/dte-config';

export interface JobWatchOptions {
  readonly env: Env;
  readonly limits: Pick<LimitValues, 'jobCheckMs' | 'rendezvousRequestMs' | 'rendezvousAnswerBytes'>;
  /** Called once. */
  readonly onEnded: () => void;
}

/** Can GitLab be asked whether the job of this process lives? */
const isWatched = ({ CI_API_V4_URL: apiUrl, CI_JOB_TOKEN: token }: Env): boolean =>
  Boolean(apiUrl) && Boolean(token);

/**
 * The limits of a coordinator that is part of a job. Where its job is watched, that ends the session, and a job that lives is
 * not idle, however long it works before its next nx command: the session outlasts any job. Agents without work have a limit
 * of their own (`agentIdleMs`).
 */
export const embeddedLimits = (limits: LimitValues, env: Env): LimitValues =>
  isWatched(env) ? { ...limits, sessionIdleMs: Math.max(limits.sessionIdleMs, limits.tokenMs) } : limits;

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
  if (!isWatched(env) || !token) return () => undefined;
  let timer: NodeJS.Timeout | undefined;
  let refusals = 0;
  let over = false;

  const look = async (): Promise<void> => {
    // Whoever cannot be asked knows nothing.
    const status = await gitlabCall({
      method: 'GET',
      url: new URL(`${apiUrl ?? ''}/job`),
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
