import { DteError, type LimitValues } from '@org/dte-protocol';
import type { GitlabJob } from '../job';
import { gitlabCall, type GitlabAnswer } from '../http';

export interface GitlabApi {
  /** `https://gitlab.example.com/api/v4` */
  readonly apiUrl: string;
  readonly projectId: string;
  /** A token that may read pipelines (scope `read_api`). CI_JOB_TOKEN may not. */
  readonly token: string;
  /** CA certificates that are trusted in addition to the usual ones, PEM. */
  readonly ca: readonly string[];
}

type Limits = Pick<LimitValues, 'gitlabAnswerMs' | 'gitlabAnswerBytes'>;

/** The API of the job's own project; null if something that it needs is missing. */
export function gitlabApiOf(
  job: GitlabJob | null,
  token: string | undefined,
  ca: readonly string[],
): GitlabApi | null {
  if (job === null || token === undefined) return null;
  const { apiUrl, projectId } = job;
  return apiUrl === null || projectId === null ? null : { apiUrl, projectId, token, ca };
}

/**
 * GET below the project, e.g. `/pipelines?ref=main`. Returns the answer with any status.
 * @throws DteError DTE_GITLAB_API if there is no answer in time (DTE_GITLAB_TIMEOUT_MS), or one that is too large
 */
export async function getFromProject(api: GitlabApi, path: string, limits: Limits): Promise<GitlabAnswer> {
  const { apiUrl, projectId, token, ca } = api;
  const url = new URL(`${apiUrl}/projects/${encodeURIComponent(projectId)}${path}`);
  try {
    return await gitlabCall({
      method: 'GET',
      url,
      ca,
      headers: { 'private-token': token, accept: 'application/json' },
      timeoutMs: limits.gitlabAnswerMs,
      maxBytes: limits.gitlabAnswerBytes,
    });
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new DteError('DTE_GITLAB_API', `Request for pipelines to ${url.origin} failed: ${why}.`, {
      cause: thrown,
    });
  }
}
