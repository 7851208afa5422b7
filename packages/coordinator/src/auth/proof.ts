import { createHmac, timingSafeEqual } from 'node:crypto';
import { type Hello, proofInput } from '@org/dte-protocol';

/** HMAC-SHA256 of what both sides of a handshake sign, in hex. */
export const makeProof = (
  secret: string,
  speaker: 'client' | 'server',
  serverNonce: string,
  hello: Hello,
): string =>
  createHmac('sha256', secret)
    .update(proofInput(speaker, serverNonce, hello))
    .digest('hex');

/** Compares in a time that says nothing about where two texts differ. */
export function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
