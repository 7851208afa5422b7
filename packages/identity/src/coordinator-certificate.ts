import { createHash, generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto';
import { bitString, explicit, integer, oid, sequence, set, time, utf8 } from './der';

/** A TLS key for one coordinator process, and the pin by which clients verify it. */
export interface CoordinatorCertificate {
  /** PEM (PKCS#8). Never leaves the process. */
  readonly key: string;
  /** PEM. */
  readonly cert: string;
  /** `sha256/` and the base64 of the SHA-256 of the SPKI DER: published through the rendezvous. */
  readonly pin: string;
}

const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const COMMON_NAME = '2.5.4.3';
const X509_V3 = Buffer.from([2]);
/** A unit: not configurable. */
const DAY_MS = 86_400_000;

/**
 * A self-signed P-256 certificate with its key. The certificate only carries the key through the TLS handshake: clients
 * verify the pin, not names or dates. It is valid from yesterday, for clocks that are slow, and for longer than any job
 * may run.
 */
export function createCoordinatorCertificate(nowMs = Date.now()): CoordinatorCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(oid(ECDSA_WITH_SHA256));
  const name = sequence(set(sequence(oid(COMMON_NAME), utf8('dte coordinator'))));
  // The first bit is 0 and the second 1: positive, and in the shortest form.
  const serial = randomBytes(16);
  serial[0] = (serial.readUInt8(0) & 0x7f) | 0x40;
  const body = sequence(
    explicit(0, integer(X509_V3)),
    integer(serial),
    algorithm,
    name,
    sequence(time(nowMs - DAY_MS), time(nowMs + 30 * DAY_MS)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  const der = sequence(body, algorithm, bitString(sign('sha256', body, privateKey)));
  const cert = new X509Certificate(der);
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: cert.toString(),
    pin: pinOf(cert),
  };
}

/** The pin of a certificate object, or of one in PEM. */
export function pinOf(certificate: X509Certificate | string): string {
  const { publicKey } = typeof certificate === 'string' ? new X509Certificate(certificate) : certificate;
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return `sha256/${createHash('sha256').update(spki).digest('base64')}`;
}
