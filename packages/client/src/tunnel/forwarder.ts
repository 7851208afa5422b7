import { once } from 'node:events';
import {
  Agent,
  createServer,
  type IncomingMessage,
  request,
  type RequestOptions,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo } from 'node:net';
import { type Duplex, pipeline } from 'node:stream';
import { type LimitValues, DteError } from '@org/dte-protocol';
import { type DialTarget, dial } from '../dial';

/**
 * A plain port on this machine for HTTP requests to a service behind TLS or a proxy. Like a `Tunnel`, but it knows of requests:
 * a service is found by its name (header `host`), which a client of a port of this machine does not send. It exists for Nx's own
 * HTTP client, which reads neither the authorities that Node reads nor ours.
 */
export interface Forwarder {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** Destroys its connections. Idempotent. */
  close(): void;
}

type ForwarderLimits = Pick<LimitValues, 'dialMs' | 'dialStaggerMs' | 'tunnelConnections' | 'httpIdleMs'>;

/** Connections to the service, made as its WebSocket is; kept for later requests. */
class DiallingAgent extends Agent {
  constructor(
    private readonly target: DialTarget,
    private readonly limits: ForwarderLimits,
    private readonly over: AbortSignal,
  ) {
    super({ keepAlive: true, maxSockets: limits.tunnelConnections, timeout: limits.httpIdleMs });
  }

  override createConnection(
    _options: RequestOptions,
    done: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    dial(this.target, this.limits, this.over).then(
      ({ socket }) => done(null, socket),
      // The types say that there is always a socket; Node looks at the error first.
      (thrown: unknown) => done(DteError.from(thrown), undefined as unknown as Duplex),
    );
  }
}

/**
 * @param url of the service
 * @throws DteError DTE_INTERNAL if this machine has no free port
 */
export async function openForwarder(
  url: string,
  target: DialTarget,
  limits: ForwarderLimits,
): Promise<Forwarder> {
  const over = new AbortController();
  const agent = new DiallingAgent(target, limits, over.signal);
  const { host } = new URL(url);
  const forward = (incoming: IncomingMessage, answer: ServerResponse): void => {
    const { method, url: path, headers } = incoming;
    const outgoing = request({ method, path, headers: { ...headers, host }, agent });
    // Broken, not ended: otherwise half an answer would look complete.
    const cut = (): void => {
      outgoing.destroy();
      answer.socket?.resetAndDestroy();
    };
    outgoing.on('error', cut);
    outgoing.on('response', (response) => {
      answer.writeHead(response.statusCode ?? 0, response.headers);
      pipeline(response, answer, (error) => {
        if (error) cut();
      });
    });
    answer.on('close', () => {
      if (!answer.writableFinished) cut();
    });
    // An early answer must not end with the rest of the body: its end is that of the connection.
    incoming.pipe(outgoing);
    incoming.on('error', cut);
  };
  // An artifact may take any time: both ends have limits of their own.
  const server = createServer({ requestTimeout: 0, noDelay: true }, forward);
  server.maxConnections = limits.tunnelConnections;
  server.listen(0, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new DteError('DTE_INTERNAL', `No port for requests to the coordinator: ${String(cause)}.`, {
      cause,
    });
  }
  // Its clients keep the process running, the port itself does not.
  server.unref();
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      over.abort();
      server.close();
      server.closeAllConnections();
      agent.destroy();
    },
  };
}
