import type { Env } from '@org/dte-config';
import { readFileSync } from 'node:fs';
import type { GitlabJob } from '../job';

/**
 * Certificates of authorities (PEM) that a job trusts in addition to the usual ones: the runner's own, by which it speaks with
 * its GitLab, and Node's, which Node does not read where others are given.
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
      // Then the connection says what is wrong, should it be.
      return [];
    }
  });
}
