import type { IncomingMessage } from 'node:http';

/** True for an address to listen on that no other machine reaches. */
export const isLoopbackHost = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host.startsWith('127.');

/**
 * True when the peer is on this machine for certain. Behind a reverse proxy every peer looks local, so a request that
 * admits to have come through one does not count.
 */
export function isLoopback(request: IncomingMessage): boolean {
  if (request.headers['x-forwarded-for'] !== undefined || request.headers.forwarded !== undefined)
    return false;
  const address = (request.socket.remoteAddress ?? '').replace(/^::ffff:/i, '');
  return address === '::1' || address.startsWith('127.');
}
