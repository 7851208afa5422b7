import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestCertificate {
  /** PEM. */
  readonly key: string;
  /** PEM; self-signed, so it is its own authority. */
  readonly cert: string;
}

export interface CertificateOptions {
  /** As openssl writes them; default `IP:127.0.0.1`. */
  readonly names?: string;
  /** How long it is valid; default 2. */
  readonly days?: number;
}

/**
 * The certificate of a server that is not trusted yet, for 127.0.0.1. Our code cannot create certificates with an IP
 * address, but openssl can. Null on a machine without openssl.
 */
export function selfSignedCertificate({
  names: subjectAltName = 'IP:127.0.0.1',
  days = 2,
}: CertificateOptions = {}): TestCertificate | null {
  if (spawnSync('openssl', ['version']).status !== 0) return null;
  const folder = mkdtempSync(join(tmpdir(), 'dte-certificate-'));
  try {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const names = ['-subj', '/CN=GitLab', '-addext', `subjectAltName=${subjectAltName}`];
    const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-keyout', key, '-out', cert];
    execFileSync('openssl', ['req', '-x509', '-nodes', '-days', `${days}`, ...names, ...made], {
      stdio: 'ignore',
    });
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
