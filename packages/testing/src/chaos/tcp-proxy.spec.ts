import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { waitFor } from '../process';
import { TcpProxy } from './tcp-proxy';

/** Longer than any of these tests may take on any machine. */
const FOR_EVER_MS = 600_000;

describe('TcpProxy', () => {
  let server: Server;
  let proxy: TcpProxy;
  /** Of the server's side. */
  const accepted: Socket[] = [];
  const clients: Socket[] = [];

  beforeEach(async () => {
    server = createServer((socket) => {
      accepted.push(socket.on('error', () => undefined));
      socket.pipe(socket);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    proxy = await TcpProxy.open(() => port);
  });

  afterEach(async () => {
    for (const socket of [...clients.splice(0), ...accepted.splice(0)]) socket.destroy();
    await proxy.close();
    await new Promise((resolve) => server.close(resolve));
  });

  class Client {
    heard = '';
    end: string | null = null;

    constructor(readonly socket: Socket) {
      clients.push(socket);
      socket.on('data', (data) => (this.heard += data.toString('utf8')));
      socket.on('error', (error: NodeJS.ErrnoException) => (this.end = error.code ?? 'error'));
      socket.on('close', () => (this.end ??= 'closed'));
    }

    async says(text: string): Promise<void> {
      const wanted = this.heard + text;
      this.socket.write(text);
      await waitFor('the echo', () => this.heard === wanted);
    }
  }

  const open = async (): Promise<Client> => {
    const socket = connect(Number(new URL(proxy.url).port), '127.0.0.1');
    await once(socket, 'connect');
    return new Client(socket);
  };

  it('passes on what both sides say, and the end of it', async () => {
    const client = await open();
    await client.says('hello');
    client.socket.end();
    await waitFor('the end on both sides', () => client.end === 'closed' && proxy.connections === 0);
  });

  it('cut: connections end, and others are refused for a while', async () => {
    const client = await open();
    await client.says('hello');
    proxy.cut(FOR_EVER_MS);
    await waitFor('the end', () => client.end === 'closed');
    const refused = new Client(connect(Number(new URL(proxy.url).port), '127.0.0.1'));
    await waitFor('the refusal', () => refused.end !== null);
    proxy.cut(0);
    await (await open()).says('again');
  });

  it('reset: both sides are told so', async () => {
    const client = await open();
    await client.says('hello');
    proxy.reset();
    await waitFor('the reset', () => client.end === 'ECONNRESET');
    await waitFor('the reset of the other side', () => accepted[0]!.destroyed);
  });

  it('half-open: one side has gone, the other hears nothing of that', async () => {
    const client = await open();
    await client.says('hello');
    proxy.halfOpen('client');
    await waitFor('the end for the server', () => accepted[0]!.destroyed);
    client.socket.write('is anybody there');
    await (await open()).says('as usual');
    expect([client.end, client.heard]).toEqual([null, 'hello']);
  });

  it('stalled: what was said meanwhile arrives afterwards', async () => {
    const client = await open();
    await client.says('hello');
    const sinceMs = Date.now();
    proxy.stall(200);
    await client.says(' again');
    expect(Date.now() - sinceMs).toBeGreaterThanOrEqual(199);
  });

  it('slow: takes as long as its rate says', async () => {
    const client = await open();
    const slow = proxy.slow(100_000, FOR_EVER_MS);
    const sinceMs = Date.now();
    await client.says('x'.repeat(20_000));
    // There and back on the same link.
    expect(Date.now() - sinceMs).toBeGreaterThanOrEqual(350);
    await proxy.close();
    await slow;
    proxy = await TcpProxy.open(() => 0);
  });
});
