import { type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { pinOf } from '@org/dte-identity';
import { CHANNEL_BINDING_EXPORT } from '@org/dte-protocol';

/** Whether the other end has shown the key that was published (`RendezvousRecord.pin`). */
export function hasPin(socket: Socket, pin: string): boolean {
  if (!(socket instanceof TLSSocket)) return false;
  const certificate = socket.getPeerX509Certificate();
  return certificate !== undefined && pinOf(certificate) === pin;
}

/** Hex of what only the two ends of this TLS connection can know; the context is empty as in RFC 9266. */
export const channelOf = (socket: TLSSocket): string => {
  const { bytes, label } = CHANNEL_BINDING_EXPORT;
  return socket.exportKeyingMaterial(bytes, label, Buffer.alloc(0)).toString('hex');
};
