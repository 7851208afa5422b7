import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/**
 * An HTTP proxy as an organisation has it: CONNECT for TLS and WebSockets, whole addresses for plain HTTP. It alone knows the
 * names in `hosts`, so that whatever arrives there came through it.
 */
export class ForwardProxy {
  /** `CONNECT host:port` or `GET http://...`, in the order of arrival. */
  readonly requests: string[] = [];
  /** Header `proxy-authorization` of each. */
  readonly credentials: (string | undefined)[] = [];
  /** Answers with this status instead of doing anything. */
  refusal: number | null = null;
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;

  /** @param hosts port on 127.0.0.1 of each name */
  private constructor(private readonly hosts: Readonly<Record<string, number>>) {
    this.server = createServer((incoming, answer) => this.forward(incoming, answer));
    this.server.on('connect', (incoming, near: Socket) => this.connect(incoming, near));
    this.server.on('connection', (socket) => this.keep(socket));
  }

  static async start(hosts: Readonly<Record<string, number>> = {}): Promise<ForwardProxy> {
    const proxy = new ForwardProxy(hosts);
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  /** `http://127.0.0.1:port` */
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket)).on('error', () => socket.destroy());
  }

  private note({ method, url, headers }: IncomingMessage): void {
    this.requests.push(`${method} ${url}`);
    this.credentials.push(headers['proxy-authorization']);
  }

  private connect(incoming: IncomingMessage, near: Socket): void {
    this.note(incoming);
    if (this.refusal !== null) {
      near.end(`HTTP/1.1 ${this.refusal} Refused\r\n\r\n`);
      return;
    }
    const { hostname, port } = new URL(`http://${incoming.url}`);
    const far = connect({ host: '127.0.0.1', port: this.hosts[hostname] ?? Number(port === '' ? 80 : port) });
    this.keep(far);
    far.on('connect', () => {
      near.write('HTTP/1.1 200 Connection established\r\n\r\n');
      near.pipe(far).pipe(near);
    });
    far.on('close', () => near.destroy());
    near.on('close', () => far.destroy());
  }

  private forward(incoming: IncomingMessage, answer: ServerResponse): void {
    this.note(incoming);
    if (this.refusal !== null) {
      answer.writeHead(this.refusal).end();
      return;
    }
    const { hostname, port, pathname, search } = new URL(incoming.url ?? '');
    const { 'proxy-authorization': _, ...headers } = incoming.headers;
    const outgoing = request({
      host: '127.0.0.1',
      port: this.hosts[hostname] ?? port,
      path: pathname + search,
      method: incoming.method,
      headers,
    });
    outgoing.on('response', (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    outgoing.on('error', () => answer.destroy());
    incoming.pipe(outgoing);
  }
}
