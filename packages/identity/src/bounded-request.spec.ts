import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import { boundedRequest, type BoundedRequest } from './bounded-request';
import { createCoordinatorCertificate } from './coordinator-certificate';

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

  it('sends the body with its length, and returns every status as an answer', async () => {
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

  it('sends its headers after a redirect only to the same origin', async () => {
    const other = await serve(tokenOf);
    const url = await serve((request, response) => {
      if (request.url === '/same') tokenOf(request, response);
      else response.writeHead(302, { location: request.url === '/start' ? '/same' : other.href }).end();
    });
    expect(await ask(url)).toMatchObject({ body: 'token secret' });
    expect(await ask(new URL('/away', url))).toMatchObject({ body: 'token undefined' });
  });

  it.each([0, 2])('follows %d redirects, and returns the next one as an answer', async (redirects) => {
    let requests = 0;
    const url = await serve((_, response) => {
      requests++;
      response.writeHead(307, { location: '/again' }).end();
    });
    expect(await ask(url, { redirects })).toMatchObject({ status: 307 });
    expect(requests).toBe(redirects + 1);
  });

  it('does not follow redirects of a request that changes something', async () => {
    const url = await serve((_, response) => void response.writeHead(302, { location: '/again' }).end());
    expect(await ask(url, { method: 'DELETE' })).toMatchObject({ status: 302 });
  });

  it('aborts an answer that exceeds the limit, and closes its connection', async () => {
    let closed = (): void => undefined;
    const end = new Promise<void>((resolve) => (closed = resolve));
    const url = await serve((_, response) => {
      response.on('close', closed);
      // The answer never ends.
      response.write('x'.repeat(2_000));
    });
    expect(await ask(url)).toEqual({ exceeded: 'size' });
    await end;
  });

  it('has one timeout for everything: neither the start of an answer nor a redirect extends it', async () => {
    const url = await serve((request, response) => {
      if (request.url === '/start') response.writeHead(302, { location: '/slow' }).end();
      else response.write('x');
    });
    const ended = await ask(url, { timeoutMs: 200 });
    expect(ended).toMatchObject({ exceeded: 'time', cause: expect.anything() as unknown });
  });

  it.each([
    ['TLSv1.1', /alert protocol version|unsupported protocol|wrong version/i],
    // The server is found; its certificate is of no authority.
    ['TLSv1.2', /self-signed/],
  ] as const)('speaks nothing older than TLS 1.2: to a server with %s', async (version, expected) => {
    const { DEFAULT_MIN_VERSION, DEFAULT_CIPHERS } = tls;
    // As --tls-min-v1.0 and --tls-cipher-list in NODE_OPTIONS do. OpenSSL allows old versions only on this security level.
    Object.assign(tls, { DEFAULT_MIN_VERSION: 'TLSv1', DEFAULT_CIPHERS: 'DEFAULT@SECLEVEL=0' });
    const server = createTlsServer({
      ...createCoordinatorCertificate(),
      minVersion: 'TLSv1',
      maxVersion: version,
      ciphers: 'DEFAULT@SECLEVEL=0',
    }).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    const url = new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    try {
      await expect(ask(url)).rejects.toThrow(expected);
    } finally {
      Object.assign(tls, { DEFAULT_MIN_VERSION, DEFAULT_CIPHERS });
    }
  });

  it('fails when the connection breaks', async () => {
    const url = await serve((request) => request.socket.destroy());
    await expect(ask(url)).rejects.toThrow(/hang up|ECONNRESET/);
  });
});
