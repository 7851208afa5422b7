import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { inspect } from 'node:util';
import { ForwardProxy, selfSignedCertificate } from '@org/dte-testing';
import { boundedRequest, type BoundedRequest } from './bounded-request';
import { connectThrough, proxyFor } from './proxy';

const NAMES = ['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy', 'npm_config_noproxy'];
const before = { ...process.env };
const set = (values: Record<string, string>): void => void Object.assign(process.env, values);

beforeEach(() => {
  for (const name of NAMES)
    for (const each of [name, name.toUpperCase()]) Reflect.deleteProperty(process.env, each);
});
afterAll(() => {
  process.env = before;
});

const nameFor = (url: string): string | null => proxyFor(new URL(url))?.name ?? null;

describe('proxyFor', () => {
  it('is the proxy of the variables, by the protocol of the address', () => {
    expect(nameFor('https://gitlab.example.com')).toBeNull();
    set({ HTTPS_PROXY: 'http://secure:3128', http_proxy: 'plain:8080' });
    expect(nameFor('https://gitlab.example.com')).toBe('http://secure:3128');
    expect(nameFor('http://gitlab.example.com')).toBe('http://plain:8080');
    set({ HTTPS_PROXY: '', ALL_PROXY: 'http://all:1' });
    expect(nameFor('https://gitlab.example.com')).toBe('http://all:1');
  });

  it.each([
    ['example.com', 'https://example.com', null],
    ['example.com', 'https://gitlab.example.com', null],
    ['.example.com', 'https://gitlab.example.com', null],
    ['*.example.com', 'https://gitlab.example.com', null],
    ['example.com', 'https://notexample.com', 'http://p:1'],
    ['other, GITLAB.example.com', 'https://gitlab.example.com', null],
    ['example.com:8443', 'https://example.com:8443', null],
    ['example.com:8443', 'https://example.com', 'http://p:1'],
    ['example.com:443', 'https://example.com', null],
    ['*', 'https://example.com', null],
    ['10.0.0.0/8', 'http://10.244.1.17:7337', null],
    ['10.0.0.0/8', 'http://11.0.0.1', 'http://p:1'],
    ['10.0.0.0/8', 'http://ten.example.com', 'http://p:1'],
    ['10.0.0.0/99', 'http://10.0.0.1', 'http://p:1'],
    ['0.0.1', 'http://10.0.0.1', 'http://p:1'],
    ['10.0.0.1', 'http://10.0.0.1:7337', null],
    ['fd00::/8', 'http://[fd12::1]:7337', null],
    ['[fd12::1]:7337', 'http://[fd12::1]:7337', null],
    ['fd12::1', 'http://[fd12::1]:7337', null],
    ['fd12::1', 'http://[fd12::2]:7337', 'http://p:1'],
  ])('NO_PROXY=%s: %s is reached by %s', (NO_PROXY, url, expected) => {
    set({ HTTPS_PROXY: 'http://p:1', HTTP_PROXY: 'http://p:1', NO_PROXY });
    expect(nameFor(url)).toBe(expected);
  });

  it('is never one for this machine', () => {
    set({ ALL_PROXY: 'http://p:1' });
    for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '[::1]'])
      expect(nameFor(`http://${host}:7337`)).toBeNull();
  });

  it.each(['socks5://user:hidden@p:1', 'http://user:hidden@:x'])(
    'refuses %s without showing it',
    (ALL_PROXY) => {
      set({ ALL_PROXY });
      let error: unknown;
      try {
        nameFor('https://gitlab.example.com');
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toMatchObject({ code: 'DTE_BAD_CONFIG' });
      expect(inspect(error)).toContain('NO_PROXY');
      expect(inspect(error)).not.toContain('hidden');
    },
  );
});

describe('boundedRequest with a proxy', () => {
  const servers: Server[] = [];
  let proxy: ForwardProxy | null = null;
  afterEach(async () => {
    await proxy?.close();
    proxy = null;
    for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
  });

  const listen = async (server: Server): Promise<number> => {
    servers.push(server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const ask = (url: string, fields: Partial<BoundedRequest> = {}): ReturnType<typeof boundedRequest> =>
    boundedRequest({
      method: 'PUT',
      url: new URL(url),
      headers: { 'job-token': 'token', connection: 'close' },
      body: 'body',
      ca: [],
      timeoutMs: 10_000,
      maxBytes: 1_000,
      redirects: 0,
      ...fields,
    });
  const certificate = selfSignedCertificate({ names: 'DNS:gitlab.test' });
  const describeRequest = (host = '', proxyHeader = ''): string => `${host} ${proxyHeader}`;

  (certificate === null ? it.skip : it)(
    'reaches an https server through it, which sees neither request nor token',
    async () => {
      const { cert = '', key = '' } = certificate ?? {};
      const port = await listen(
        createTlsServer({ cert, key }, (request, response) => {
          const { host, 'proxy-authorization': leaked } = request.headers;
          response.end(describeRequest(host, leaked));
        }),
      );
      proxy = await ForwardProxy.start({ 'gitlab.test': port });
      set({ HTTPS_PROXY: proxy.url.replace('//', '//ann:p%40ss@') });
      expect(await ask('https://gitlab.test/api', { ca: [cert] })).toMatchObject({
        status: 200,
        body: 'gitlab.test ',
      });
      expect(proxy.requests).toEqual(['CONNECT gitlab.test:443']);
      expect(proxy.credentials).toEqual([`Basic ${Buffer.from('ann:p@ss').toString('base64')}`]);
      // The certificate counts, not the proxy.
      await expect(ask('https://gitlab.test/api')).rejects.toThrow(/self-signed/);
      await expect(ask('https://other.test/api', { ca: [cert] })).rejects.toThrow();
    },
  );

  it('hands a plain request to it with the whole address', async () => {
    const port = await listen(
      createServer((request, response) => {
        const { host, 'proxy-authorization': leaked } = request.headers;
        response.end(describeRequest(host, leaked));
      }),
    );
    proxy = await ForwardProxy.start({ 'gitlab.test': port });
    set({ HTTP_PROXY: proxy.url.replace('//', '//ann:pass@') });
    expect(await ask('http://gitlab.test/api?x=1')).toMatchObject({ body: 'gitlab.test ' });
    expect(proxy.requests).toEqual(['PUT http://gitlab.test/api?x=1']);
  });

  it('goes directly to what NO_PROXY names', async () => {
    const port = await listen(createServer((_, response) => void response.end('direct')));
    proxy = await ForwardProxy.start();
    set({ HTTP_PROXY: proxy.url, NO_PROXY: '0.0.0.0/8' });
    // This machine, by an address that is not that of the loopback.
    expect(await ask(`http://0.0.0.0:${port}/`)).toMatchObject({ body: 'direct' });
    expect(proxy.requests).toEqual([]);
  });

  it('names a proxy that refuses, without its credentials', async () => {
    proxy = await ForwardProxy.start();
    proxy.refusal = 407;
    set({ HTTPS_PROXY: proxy.url.replace('//', '//ann:hidden@') });
    const failed = await ask('https://gitlab.test/').catch((thrown: unknown) => thrown);
    expect(String(failed)).toContain(`407 (from the proxy ${proxy.url})`);
    expect(inspect(failed)).not.toContain('hidden');
  });

  it('gives up in time if the proxy does not answer', async () => {
    // It takes connections and says nothing.
    const silent: Duplex[] = [];
    const port = await listen(createServer().on('connect', (_, socket: Duplex) => void silent.push(socket)));
    set({ HTTPS_PROXY: `http://127.0.0.1:${port}` });
    expect(await ask('https://gitlab.test/', { timeoutMs: 200 })).toMatchObject({ exceeded: 'time' });
    silent.forEach((socket) => socket.destroy());
  });
});

it('a signal ends only what was not handed over', async () => {
  const echo = createServer().on('connection', (socket) => socket.on('data', () => undefined));
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  const proxy = await ForwardProxy.start({ 'echo.test': (echo.address() as AddressInfo).port });
  set({ ALL_PROXY: proxy.url });
  const target = new URL('http://echo.test');
  const found = proxyFor(target);
  if (found === null) throw new Error('no proxy');
  const stop = new AbortController();
  const socket = await connectThrough({ proxy: found, target, signal: stop.signal });
  stop.abort();
  await new Promise((resolve) => setImmediate(resolve));
  expect(socket.destroyed).toBe(false);
  socket.destroy();
  await expect(connectThrough({ proxy: found, target, signal: stop.signal })).rejects.toThrow(/abort/);
  await proxy.close();
  echo.close();
});
