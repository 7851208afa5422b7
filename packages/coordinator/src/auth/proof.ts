import { createHmac, timingSafeEqual } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import type { Duplex } from 'node:stream';
import { CHANNEL_BINDING_EXPORT, type Handshake, proofInput, type Signed } from '@org/dte-protocol';

/**
 * Hex of what only the two ends of this TLS connection know; null for a plain one, also when a proxy in front has ended
 * the TLS.
 */
export function channelOf(socket: Duplex): string | null {
  if (!(socket instanceof TLSSocket)) return null;
  const { bytes, label } = CHANNEL_BINDING_EXPORT;
  return socket.exportKeyingMaterial(bytes, label, Buffer.alloc(0)).toString('hex');
}

/** HMAC-SHA256 of what a side of a handshake signs, in hex. */
export const makeProof = (secret: string, signed: Signed, handshake: Handshake): string =>
  createHmac('sha256', secret).update(proofInput(signed, handshake)).digest('hex');

/** Compares in a time that says nothing about where two texts differ. */
export function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
