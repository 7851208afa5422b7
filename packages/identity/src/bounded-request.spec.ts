import { createServer, type RequestListener, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { boundedRequest, type BoundedRequest } from './bounded-request';

describe('boundedRequest', () => {
  let servers: Server[];
  beforeEach(() => (servers = []));
  afterEach(() => {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  });

  const serve = async (listener: RequestListener): Promise<URL> => {
    const server = createServer(listener).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/start`);
  };
  const ask = (url: URL, fields: Partial<BoundedRequest> = {}): ReturnType<typeof boundedRequest> =>
    boundedRequest({
      method: 'GET',
      url,
      headers: { 'job-token': 'secret' },
      ca: [],
      timeoutMs: 10_000,
      maxBytes: 1_000,
      redirects: 3,
      ...fields,
    });
  const tokenOf: RequestListener = (request, response) =>
    void response.end(`token ${String(request.headers['job-token'])}`);

  it('sends the body with its length, and every status is an answer', async () => {
    const url = await serve((request, response) => {
      const { method, headers } = request;
      response.writeHead(418, { 'x-said': `${method} ${headers['content-length']}` });
      request.pipe(response);
    });
    expect(await ask(url, { method: 'PUT', body: 'bödy' })).toMatchObject({
      status: 418,
      headers: { 'x-said': 'PUT 5' },
      body: 'bödy',
    });
  });

  it('shows its headers to the same origin after a redirect, and to no other', async () => {
    const other = await serve(tokenOf);
    const url = await serve((request, response) => {
      if (request.url === '/same') tokenOf(request, response);
      else response.writeHead(302, { location: request.url === '/start' ? '/same' : other.href }).end();
    });
    expect(await ask(url)).toMatchObject({ body: 'token secret' });
    expect(await ask(new URL('/away', url))).toMatchObject({ body: 'token undefined' });
  });

  it.each([0, 2])('follows %d redirects; one more is an answer', async (redirects) => {
    let requests = 0;
    const url = await serve((_, response) => {
      requests++;
      response.writeHead(307, { location: '/again' }).end();
    });
    expect(await ask(url, { redirects })).toMatchObject({ status: 307 });
    expect(requests).toBe(redirects + 1);
  });

  it('follows no redirect of a request that changes something', async () => {
    const url = await serve((_, response) => void response.writeHead(302, { location: '/again' }).end());
    expect(await ask(url, { method: 'DELETE' })).toMatchObject({ status: 302 });
  });

  it('ends an answer that is larger than it may be, and closes its connection', async () => {
    let closed = (): void => undefined;
    const end = new Promise<void>((resolve) => (closed = resolve));
    const url = await serve((_, response) => {
      response.on('close', closed);
      // Has no end.
      response.write('x'.repeat(2_000));
    });
    expect(await ask(url)).toEqual({ exceeded: 'size' });
    await end;
  });

  it('has one time for all: an answer that has begun does not extend it, nor does a redirect', async () => {
    const url = await serve((request, response) => {
      if (request.url === '/start') response.writeHead(302, { location: '/slow' }).end();
      else response.write('x');
    });
    const ended = await ask(url, { timeoutMs: 200 });
    expect(ended).toMatchObject({ exceeded: 'time', cause: expect.anything() as unknown });
  });

  it('fails when the connection breaks', async () => {
    const url = await serve((request) => request.socket.destroy());
    await expect(ask(url)).rejects.toThrow(/hang up|ECONNRESET/);
  });
});
