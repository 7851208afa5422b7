import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { LIMITS, type LimitValues } from '@org/dte-protocol';

/** The coordinator's TLS key, as PEM. */
export interface TlsKey {
  readonly key: string;
  readonly cert: string;
  /** Oldest version of TLS; default `TLSv1.3`. Proofs of a secret always need 1.3: see `Gateway`. */
  readonly oldest?: 'TLSv1.2' | 'TLSv1.3';
}

/** How often Node checks for slow headers: the precision of `headersMs`. */
const HEADER_CHECK_MS = 1_000;

/**
 * The server below the endpoints: plain, or TLS with the given key.
 * @param room number of connections for which there are file descriptors
 */
export function createTransport(
  listener: RequestListener,
  tls: TlsKey | null,
  limits: Pick<LimitValues, 'httpRequestMs' | 'handshakeMs' | 'headersMs' | 'keepAliveMs'>,
  room: number | null,
): Server {
  const options: ServerOptions = {
    maxHeaderSize: LIMITS.headerBytes.value,
    // An artifact may take any time: `watchPace` ends requests without progress.
    requestTimeout: 0,
    // Must be set explicitly: the default is also 0, which means no limit.
    headersTimeout: limits.headersMs,
    connectionsCheckingInterval: Math.min(HEADER_CHECK_MS, limits.headersMs),
  };
  const server =
    tls === null
      ? createServer(options, listener)
      : createTlsServer(
          {
            ...options,
            key: tls.key,
            cert: tls.cert,
            minVersion: tls.oldest ?? 'TLSv1.3',
            handshakeTimeout: limits.handshakeMs,
          },
          listener,
        );
  server.keepAliveTimeout = limits.keepAliveMs;
  if (room !== null) server.maxConnections = room;
  // This much silence ends a connection; ws disables it for WebSockets, `watchPace` during a request.
  server.setTimeout(limits.httpRequestMs);
  return server;
}
