import { relative, sep } from 'node:path';
import { gitlabCall } from '../http';
import type { GitlabJob } from '../job';

export interface LastArtifact {
  readonly job: Pick<GitlabJob, 'apiUrl' | 'projectId' | 'token' | 'defaultBranch' | 'name' | 'projectDir'>;
  /** CA certificates (PEM) that are trusted in addition to the usual ones. */
  readonly authorities: readonly string[];
  /** Absolute path of the file in this job: it is at the same place in the other. */
  readonly path: string;
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

/** Of the statuses of HTTP, the one that means that the file follows. */
const OK = 200;

/**
 * A file among the artifacts of this job in the last successful pipeline of the default branch. Null if it cannot be had: there is
 * none, it has expired, or this instance lets no job read artifacts of others (with a job's token, that is a feature of GitLab
 * Premium). Never throws.
 */
export async function lastArtifact(options: LastArtifact): Promise<string | null> {
  const { job, authorities, path, maxBytes, timeoutMs } = options;
  const { apiUrl, projectId, token, defaultBranch, name, projectDir } = job;
  if (apiUrl === null || projectId === null || token === null || defaultBranch === null) return null;
  if (name === null || projectDir === null) return null;
  const parts = relative(projectDir, path).split(sep);
  // Only what is in the clone can be an artifact.
  if (parts[0] === '..' || parts[0] === '') return null;
  const [ref, file] = [encodeURIComponent(defaultBranch), parts.map(encodeURIComponent).join('/')];
  const where = `/projects/${encodeURIComponent(projectId)}/jobs/artifacts/${ref}/raw/${file}`;
  try {
    const url = new URL(`${apiUrl}${where}?job=${encodeURIComponent(name)}`);
    const headers = { 'job-token': token };
    const answer = await gitlabCall({ method: 'GET', url, headers, ca: authorities, timeoutMs, maxBytes });
    return answer.status === OK ? answer.body : null;
  } catch {
    return null;
  }
}
