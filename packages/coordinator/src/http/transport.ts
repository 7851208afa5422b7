import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { LIMITS, type LimitValues } from '@org/dte-protocol';

/** The coordinator's TLS key, as PEM. */
export interface TlsKey {
  readonly key: string;
  readonly cert: string;
}

/** Node looks this often whether headers take too long: how exactly `headersMs` is kept. */
const HEADER_CHECK_MS = 1_000;

/**
 * The server below the endpoints: plain, or TLS 1.3 with the given key and nothing older.
 * @param room connections that there are file descriptors for
 */
export function createTransport(
  listener: RequestListener,
  tls: TlsKey | null,
  limits: Pick<LimitValues, 'httpRequestMs' | 'handshakeMs' | 'headersMs'>,
  room: number | null,
): Server {
  const options: ServerOptions = {
    maxHeaderSize: LIMITS.headerBytes.value,
    // An artifact takes as long as it takes: `watchPace` ends what does not move.
    requestTimeout: 0,
    // Has to be said: left out, it would be 0 as well, which is no limit at all.
    headersTimeout: limits.headersMs,
    connectionsCheckingInterval: Math.min(HEADER_CHECK_MS, limits.headersMs),
  };
  const server =
    tls === null
      ? createServer(options, listener)
      : createTlsServer(
          // TLS 1.3 only: there the exported keying material, which proofs are bound to, is of this connection for sure.
          { ...options, ...tls, minVersion: 'TLSv1.3', handshakeTimeout: limits.handshakeMs },
          listener,
        );
  server.keepAliveTimeout = LIMITS.keepAliveMs.value;
  if (room !== null) server.maxConnections = room;
  // No byte for this long ends a connection; ws switches it off for WebSockets, `watchPace` while there is a request.
  server.setTimeout(limits.httpRequestMs);
  return server;
}
