import type { Env } from '@org/dte-config';
import { readFileSync } from 'node:fs';
import type { GitlabJob } from '../job';

/**
 * CA certificates (PEM) that a job trusts in addition to the usual ones: the runner's, which it uses for connections to its
 * GitLab, and Node's extra ones, which Node does not read if others are passed.
 */
export function extraAuthorities(
  job: Pick<GitlabJob, 'authoritiesFile'> | null,
  env: Env,
): readonly string[] {
  return [job?.authoritiesFile, env['NODE_EXTRA_CA_CERTS']].flatMap((path) => {
    if (path === undefined || path === null || path === '') return [];
    try {
      return [readFileSync(path, 'utf8')];
    } catch {
      // If that is a problem, the error of the connection shows it.
      return [];
    }
  });
}
