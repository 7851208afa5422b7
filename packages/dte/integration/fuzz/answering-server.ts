import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/** What is sent for a request; a request is whatever came in one piece. */
export type Answerer = (request: string) => Buffer;

/** A server of this machine that answers with bytes, right or wrong, and ends the connection. */
export class AnsweringServer {
  /** Set for each case. */
  answer: Answerer = () => Buffer.alloc(0);
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {}

  static async start(): Promise<AnsweringServer> {
    const server = createServer();
    const answering = new AnsweringServer(server);
    server.on('connection', (socket) => answering.take(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return answering;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private take(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket)).on('error', () => undefined);
    socket.once('data', (data) => socket.end(this.answer(data.toString('latin1'))));
  }
}

export interface HttpAnswerShape {
  readonly status?: number | string;
  readonly headers?: readonly string[];
  readonly body: Buffer;
}

/** An answer of HTTP/1.1 with a length that fits, unless `headers` say another one. */
export function httpAnswer({ status = 200, headers = [], body }: HttpAnswerShape): Buffer {
  const own = headers.some((header) => /^(content-length|transfer-encoding)/i.test(header))
    ? []
    : [`content-length: ${body.length}`];
  const head = [`HTTP/1.1 ${status} X`, 'connection: close', ...own, ...headers, '', ''].join('\r\n');
  return Buffer.concat([Buffer.from(head, 'latin1'), body]);
}
