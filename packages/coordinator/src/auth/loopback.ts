import type { IncomingMessage } from 'node:http';

/** True for a listening address that no other machine can reach. */
export const isLoopbackHost = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host.startsWith('127.');

/**
 * True if the peer is certainly on this machine. Behind a reverse proxy every peer looks local, so a request with the
 * headers of a proxy does not count as local.
 */
export function isLoopback(request: IncomingMessage): boolean {
  if (request.headers['x-forwarded-for'] !== undefined || request.headers.forwarded !== undefined)
    return false;
  const address = (request.socket.remoteAddress ?? '').replace(/^::ffff:/i, '');
  return address === '::1' || address.startsWith('127.');
}
