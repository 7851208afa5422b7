import { readFileSync } from 'node:fs';
import type { Env } from '@org/dte-config';

/**
 * Certificates of authorities (PEM) that a job trusts besides the usual ones: the runner's own, by which it speaks with
 * its GitLab, and Node's, which Node does not read where others are given.
 */
export function extraAuthorities(env: Env): readonly string[] {
  return ['CI_SERVER_TLS_CA_FILE', 'NODE_EXTRA_CA_CERTS'].flatMap((name) => {
    const path = env[name];
    if (path === undefined || path === '') return [];
    try {
      return [readFileSync(path, 'utf8')];
    } catch {
      // Then the connection says what is wrong, should it be.
      return [];
    }
  });
}
