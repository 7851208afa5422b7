import { once, setMaxListeners } from 'node:events';
import { type AddressInfo, type Socket, createServer } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type LimitValues, DteError } from '@org/dte-protocol';
import { type DialTarget, dial } from '../dial';

/**
 * A plain port on this machine that leads to a coordinator over pinned TLS: for Nx's own HTTP client, which can neither
 * pin a key nor use a given socket, and for all other HTTP requests to the coordinator. A client of the port still
 * needs the token of a session.
 */
export interface Tunnel {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** Where new connections lead. */
  pointTo(target: DialTarget): void;
  /** Destroys its connections. Idempotent. */
  close(): void;
}

type TunnelLimits = Pick<LimitValues, 'dialMs' | 'dialStaggerMs' | 'tunnelConnections'>;

/** @throws DteError DTE_INTERNAL if this machine has no free port */
export async function openTunnel(limits: TunnelLimits): Promise<Tunnel> {
  const sockets = new Set<Socket>();
  const over = new AbortController();
  // One per connection that is being made.
  setMaxListeners(0, over.signal);
  let target: DialTarget | null = null;

  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // Each end learns about the other through its `close`; the client that uses it reports the reason.
    socket.on('error', () => undefined);
  };

  async function connectThrough(near: Socket): Promise<void> {
    keep(near);
    if (target === null) {
      cut(near);
      return;
    }
    try {
      const { socket: far } = await dial(target, limits, over.signal);
      keep(far);
      if (near.destroyed || over.signal.aborted) cut(far);
      else join(near, far);
    } catch {
      cut(near);
    }
  }

  // An end that sends nothing more may still read: HTTP answers come after the end of a request.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => void connectThrough(near));
  server.maxConnections = limits.tunnelConnections;
  server.listen(0, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new DteError('DTE_INTERNAL', `No port for the tunnel to the coordinator: ${String(cause)}.`, {
      cause,
    });
  }
  // The clients of the tunnel keep the process running, the tunnel itself does not.
  server.unref();
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pointTo: (next) => (target = next),
    close() {
      over.abort();
      server.close();
      for (const socket of sockets) cut(socket);
    },
  };
}

/** A broken connection is not an end: otherwise, half an answer would look complete. With TLS, the missing close_notify shows it. */
function cut(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}

/** Both directions; `pipe` handles backpressure. */
function join(near: Socket, far: Socket): void {
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    from.pipe(to);
    from.once('close', () => {
      // What was sent before the end still reaches the other side.
      if (from.readableEnded) to.destroySoon();
      else cut(to);
    });
  }
}
