import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { CHANNEL_BINDING_EXPORT } from '@org/dte-protocol';
import { pinOf } from './coordinator-certificate';

/** What a proof is bound to exists from this version on: the keying material of older ones may be that of two connections. */
const BOUND_TLS = 'TLSv1.3';

/** TLS that no proof can be bound to. */
export const isUnboundTls = (socket: Duplex): boolean =>
  socket instanceof TLSSocket && socket.getProtocol() !== BOUND_TLS;

/**
 * Hex of the keying material that only the two ends of this TLS connection have; the context is empty as in RFC 9266.
 * Null for a plain connection, also if a proxy in front terminates TLS, and for TLS before 1.3.
 */
export function channelOf(socket: Duplex): string | null {
  if (!(socket instanceof TLSSocket) || isUnboundTls(socket)) return null;
  const { bytes, label } = CHANNEL_BINDING_EXPORT;
  return socket.exportKeyingMaterial(bytes, label, Buffer.alloc(0)).toString('hex');
}

/** Whether the other end has presented the published key (`RendezvousRecord.pin`). */
export function hasPin(socket: Duplex, pin: string): boolean {
  if (!(socket instanceof TLSSocket)) return false;
  const certificate = socket.getPeerX509Certificate();
  return certificate !== undefined && pinOf(certificate) === pin;
}
