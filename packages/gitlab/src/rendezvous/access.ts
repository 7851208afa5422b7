import type { GitlabJob } from '../job';

/** A job's access to the registry of its project. */
export interface RegistryAccess {
  /** `https://gitlab.example.com/api/v4` */
  readonly apiUrl: string;
  readonly projectId: string;
  /** Valid while the job runs. */
  readonly jobToken: string;
  /** PEM, in addition to the usual ones. */
  readonly ca: readonly string[];
}

/** Null outside GitLab jobs. */
export function registryAccessOf(job: GitlabJob | null, ca: readonly string[]): RegistryAccess | null {
  if (job === null) return null;
  const { apiUrl, projectId, token: jobToken } = job;
  if (apiUrl === null || projectId === null || jobToken === null) return null;
  return { apiUrl, projectId, jobToken, ca };
}
