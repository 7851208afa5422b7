import { extraAuthorities } from '../../gitlab-http';
import type { Env } from '@org/dte-config';

/** What a job knows of the registry of its project. */
export interface RegistryAccess {
  /** CI_API_V4_URL */
  readonly apiUrl: string;
  readonly projectId: string;
  /** CI_JOB_TOKEN: good while the job runs. */
  readonly jobToken: string;
  /** PEM, besides the usual ones. */
  readonly ca: readonly string[];
}

/** Null outside of GitLab jobs. */
export function registryAccessOf(env: Env): RegistryAccess | null {
  const [apiUrl, projectId, jobToken] = [env['CI_API_V4_URL'], env['CI_PROJECT_ID'], env['CI_JOB_TOKEN']];
  if (!apiUrl || !projectId || !jobToken) return null;
  return { apiUrl, projectId, jobToken, ca: extraAuthorities(env) };
}
