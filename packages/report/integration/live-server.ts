import { foldEvents, livePage, livePagePolicy, type ReportEvent } from '../src';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The server of a live page, as small as it can be: what the page asks for, and a connection that breaks when it is told to. */
export class LiveServer {
  private readonly events: ReportEvent[] = [];
  private readonly followers = new Set<ServerResponse>();
  private readonly outputs = new Set<ServerResponse>();
  private server: Server | null = null;
  private port = 0;
  /** The session has ended: nothing follows. */
  over = false;
  /** What the page asked for, without the queries. */
  readonly asked: string[] = [];

  async listen(): Promise<string> {
    this.server = createServer((request, response) => this.answer(request, response));
    const { server } = this;
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    ({ port: this.port } = server.address() as AddressInfo);
    return `http://127.0.0.1:${this.port}/ui/`;
  }

  /** Tells all that follow that they are too far behind. */
  resume(): void {
    for (const follower of this.followers) follower.write('event: resume\ndata: {}\n\n');
  }

  /** Also breaks all connections. */
  async stop(): Promise<void> {
    const { server } = this;
    this.server = null;
    if (server === null) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }

  /** A batch; its number is that of its last event. */
  tell(...events: ReportEvent[]): void {
    this.events.push(...events);
    for (const follower of this.followers) this.send(follower, events);
  }

  write(output: string): void {
    for (const response of this.outputs) response.write(output);
  }

  private send(follower: ServerResponse, events: readonly ReportEvent[]): void {
    if (events.length > 0) follower.write(`id: ${this.events.length}\ndata: ${JSON.stringify(events)}\n\n`);
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost');
    this.asked.push(pathname);
    if (pathname === '/ui/') {
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.setHeader('content-security-policy', livePagePolicy());
      response.end(livePage({ modelUrl: '../model', eventsUrl: '../events', outputUrl: '../output' }));
    } else if (pathname === '/model') {
      response.end(JSON.stringify({ seq: this.events.length, model: foldEvents(this.events) }));
    } else if (pathname === '/events' && this.over) {
      response.writeHead(204).end();
    } else if (pathname === '/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      this.send(response, this.events.slice(Number(searchParams.get('after'))));
      this.followers.add(response);
      response.once('close', () => this.followers.delete(response));
    } else if (pathname === '/output') {
      response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
      response.write(`${searchParams.get('task') ?? ''} of ${searchParams.get('run') ?? ''}\n`);
      this.outputs.add(response);
      response.once('close', () => this.outputs.delete(response));
    } else {
      response.writeHead(404).end();
    }
  }
}
