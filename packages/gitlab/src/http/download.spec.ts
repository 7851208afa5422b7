import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { ForwardProxy, selfSignedCertificate } from '@org/dte-testing';
import { gitlabDownload, type GitlabDownload } from './download';

const NAMES = ['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy', 'npm_config_noproxy'];
const before = { ...process.env };

describe('gitlabDownload', () => {
  const servers: Server[] = [];
  let proxy: ForwardProxy | null;
  beforeEach(() => {
    proxy = null;
    for (const name of NAMES)
      for (const each of [name, name.toUpperCase()]) Reflect.deleteProperty(process.env, each);
  });
  afterEach(async () => {
    await proxy?.close();
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
  afterAll(() => {
    process.env = before;
  });

  const portOf = async (server: Server): Promise<number> => {
    servers.push(server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const get = async (url: string, fields: Partial<GitlabDownload> = {}): Promise<[number?, string?]> => {
    const answer = await gitlabDownload({
      url: new URL(url),
      headers: { 'job-token': 'token' },
      ca: [],
      timeoutMs: 10_000,
      signal: new AbortController().signal,
      ...fields,
    });
    return [answer.statusCode, await text(answer)];
  };
  const tokenOf: RequestListener = ({ url, headers }, answer) =>
    void answer.end([url, headers['job-token'], headers['proxy-authorization']].map(String).join(' '));

  it('goes through the proxy of the job, and to object storage too, without the token', async () => {
    const storage = await portOf(createServer(tokenOf));
    const gitlab = await portOf(
      createServer((_, answer) => answer.writeHead(302, { location: 'http://storage.test/file?x=1' }).end()),
    );
    proxy = await ForwardProxy.start({ 'gitlab.test': gitlab, 'storage.test': storage });
    process.env['HTTP_PROXY'] = proxy.url.replace('//', '//ann:pass@');
    expect(await get('http://gitlab.test/api')).toEqual([200, '/file?x=1 undefined undefined']);
    expect(proxy.requests).toEqual(['GET http://gitlab.test/api', 'GET http://storage.test/file?x=1']);
  });

  const certificate = selfSignedCertificate({ names: 'DNS:gitlab.test' });
  (certificate === null ? it.skip : it)('goes through a tunnel of it to an https server', async () => {
    const { cert = '', key = '' } = certificate ?? {};
    const port = await portOf(createTlsServer({ cert, key }, tokenOf));
    proxy = await ForwardProxy.start({ 'gitlab.test': port });
    process.env['HTTPS_PROXY'] = proxy.url;
    expect(await get('https://gitlab.test/api', { ca: [cert] })).toEqual([200, '/api token undefined']);
    expect(proxy.requests).toEqual(['CONNECT gitlab.test:443']);
  });

  it('goes directly to what NO_PROXY names', async () => {
    const port = await portOf(createServer(tokenOf));
    proxy = await ForwardProxy.start();
    Object.assign(process.env, { HTTP_PROXY: proxy.url, NO_PROXY: '0.0.0.0/8' });
    expect(await get(`http://0.0.0.0:${port}/api`)).toEqual([200, '/api token undefined']);
    expect(proxy.requests).toEqual([]);
  });

  it('ends when nothing comes any more, and when the caller has had enough', async () => {
    const port = await portOf(createServer((_, answer) => void answer.write('some')));
    const url = `http://127.0.0.1:${port}/`;
    await expect(get(url, { timeoutMs: 50 })).rejects.toThrow(/nothing was received for 50 ms|aborted/);
    const stop = new AbortController();
    const answer = await gitlabDownload({
      url: new URL(url),
      headers: {},
      ca: [],
      timeoutMs: 10_000,
      signal: stop.signal,
    });
    stop.abort();
    await expect(text(answer)).rejects.toThrow(/abort/);
  });
});
