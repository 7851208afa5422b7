import { once, setMaxListeners } from 'node:events';
import { type AddressInfo, type Socket, createServer } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type LimitValues, DteError } from '@org/dte-protocol';
import { type DialTarget, dial } from '../dial';

/**
 * A plain port of this machine that leads to a coordinator over pinned TLS: for Nx's own HTTP client, which can neither
 * pin a key nor be given a socket, and for everything else that speaks HTTP with the coordinator.
 * Whoever uses the port still needs the token of a session.
 */
export interface Tunnel {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** Where connections made from now on lead. */
  pointTo(target: DialTarget): void;
  /** Cuts what goes through. Idempotent. */
  close(): void;
}

type TunnelLimits = Pick<LimitValues, 'dialMs' | 'dialStaggerMs' | 'tunnelConnections'>;

/** @throws DteError DTE_INTERNAL when this machine has no port to give */
export async function openTunnel(limits: TunnelLimits): Promise<Tunnel> {
  const sockets = new Set<Socket>();
  const over = new AbortController();
  // One per connection that is being made.
  setMaxListeners(0, over.signal);
  let target: DialTarget | null = null;

  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // Each end hears of the other by its `close`; why it ended is told by whoever speaks over it.
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

  // An end that says nothing more may still listen: HTTP answers come after the end of a request.
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
  // Whoever uses the tunnel keeps the process alive, the tunnel itself does not.
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

/** A cut is not an end: after one, half an answer would look whole. With TLS it is told by the missing last word. */
function cut(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}

/** Both directions; backpressure is that of `pipe`. */
function join(near: Socket, far: Socket): void {
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    from.pipe(to);
    from.once('close', () => {
      // What was said to the end still reaches the other side.
      if (from.readableEnded) to.destroySoon();
      else cut(to);
    });
  }
}
