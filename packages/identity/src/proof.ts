import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Handshake, proofInput, type Signed } from '@org/dte-protocol';

/** 32 random bytes in hex. Each side of a handshake adds its own, so that no proof is valid twice. */
export const newNonce = (): string => randomBytes(32).toString('hex');

/** Proves that one side of a handshake knows the secret: HMAC-SHA256 over `proofInput`, hex. */
export const makeProof = (secret: string, signed: Signed, handshake: Handshake): string =>
  createHmac('sha256', secret).update(proofInput(signed, handshake)).digest('hex');

/** Whether this is the proof of the given speaker for the secret. */
export const isProof = (
  given: string | null | undefined,
  secret: string,
  signed: Signed,
  handshake: Handshake,
): boolean => sameText(given ?? '', makeProof(secret, signed, handshake));

/** Compares in constant time. */
export function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
