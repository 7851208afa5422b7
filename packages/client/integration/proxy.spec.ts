import { createCoordinatorCertificate } from '@org/dte-identity';
import {
  type CoordinatorAddress,
  type CoordinatorToAgent,
  coordinatorToAgentSchema,
} from '@org/dte-protocol';
import {
  exampleClaims,
  FakeCoordinator,
  ForwardProxy,
  httpCall,
  runOfTasks,
  selfSignedCertificate,
  testLimits,
  waitFor,
} from '@org/dte-testing';
import { type Connection, connect, httpClient, waitOpen } from '../src';
import { type Credentials } from '../src/connection/client-handshake';

const before = { ...process.env };
const certificate = selfSignedCertificate({ names: 'DNS:dte.test' });
const itWithOpenssl = certificate === null ? it.skip : it;
const cleanUps: (() => unknown)[] = [];
let server: FakeCoordinator;
let proxy: ForwardProxy;

async function start(tls: { key: string; cert: string } | null): Promise<void> {
  server = await FakeCoordinator.start(tls);
  cleanUps.push(() => server.close());
  proxy = await ForwardProxy.start({ 'dte.test': Number(new URL(server.url).port) });
  cleanUps.push(() => proxy.close());
  for (const name of ['NO_PROXY', 'no_proxy', 'http_proxy', 'https_proxy', 'ALL_PROXY', 'all_proxy'])
    Reflect.deleteProperty(process.env, name);
  Object.assign(process.env, { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url });
}
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  process.env = { ...before };
});

function dial(
  address: string | CoordinatorAddress,
  credentials: Credentials = {},
): Connection<CoordinatorToAgent> {
  const connection = connect({
    address: typeof address === 'string' ? address : () => Promise.resolve(address),
    hello: exampleClaims,
    credentials,
    limits: testLimits(),
    incoming: coordinatorToAgentSchema,
  });
  cleanUps.push(() => connection.close());
  return connection;
}

/** One request in each direction, with a body, by our own client and by one that knows nothing (as Nx's). */
async function expectHttp(connection: Connection<CoordinatorToAgent>): Promise<void> {
  server.runs.set('run-1', runOfTasks(['a:build']));
  const http = httpClient({ url: () => connection.httpUrl(), token: () => 't', limits: testLimits() });
  cleanUps.push(() => http.close());
  expect((await http.getRun('run-1')).runId).toBe('run-1');
  server.handler = (request, response) => void request.pipe(response);
  const body = Buffer.alloc(3_000_000, 'x');
  const echo = await httpCall(connection.httpUrl(), {
    method: 'PUT',
    path: '/v1/cache/def',
    token: 't',
    body,
  });
  expect(echo.body.equals(body)).toBe(true);
  server.handler = null;
}

it('reaches a plain coordinator by name through the proxy, WebSocket and HTTP', async () => {
  await start(null);
  const connection = dial('http://dte.test');
  await waitOpen(connection, 30_000);
  expect(connection.url()).toBe('http://dte.test');
  await expectHttp(connection);
  expect(new Set(proxy.requests)).toEqual(new Set(['CONNECT dte.test:80']));
  expect(connection.httpUrl()).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
});

itWithOpenssl('reaches a coordinator with TLS through the proxy, which sees nothing of it', async () => {
  await start(certificate);
  server.secret = 'shared';
  const authorities = [certificate?.cert ?? ''];
  const connection = dial('https://dte.test', { secret: 'shared', authorities });
  await waitOpen(connection, 30_000);
  expect(server.hellos[0]).toMatchObject({ channelBinding: 'tls-exporter' });
  let host: string | undefined;
  server.handler = (request, response) => {
    host = request.headers.host;
    response.end();
  };
  await httpCall(connection.httpUrl(), { path: '/v1/health' });
  // By its name, a reverse proxy finds it.
  expect(host).toBe('dte.test');
  server.handler = null;
  await expectHttp(connection);
  expect(new Set(proxy.requests)).toEqual(new Set(['CONNECT dte.test:443']));
});

itWithOpenssl('does not trust a certificate of no authority, whatever the proxy says', async () => {
  await start(certificate);
  const connection = dial('https://dte.test');
  await waitFor(
    'a failed try',
    () => connection.state.name === 'connecting' && connection.state.lastError !== null,
  );
  expect(connection.state).toMatchObject({
    lastError: { message: expect.stringMatching(/self-signed/) as string },
  });
  expect(server.hellos).toEqual([]);
});

it('goes directly to what NO_PROXY names', async () => {
  await start(null);
  process.env['NO_PROXY'] = '0.0.0.0/8';
  // This machine, by an address that is not that of the loopback.
  const url = server.url.replace('127.0.0.1', '0.0.0.0');
  const connection = dial(url);
  await waitOpen(connection, 30_000);
  expect(connection.httpUrl()).toBe(url);
  await expectHttp(connection);
  expect(proxy.requests).toEqual([]);
});

it('goes directly to a coordinator that is a process of another job', async () => {
  const { pin, ...tls } = createCoordinatorCertificate();
  await start(tls);
  // Such an address is known only in the network of the jobs.
  const url = server.url.replace('127.0.0.1', '0.0.0.0');
  const connection = dial({ urls: [url], pin, generation: 'g' });
  await waitOpen(connection, 30_000);
  await expectHttp(connection);
  expect(proxy.requests).toEqual([]);
});

it('says which proxy refused, and tries again', async () => {
  await start(null);
  proxy.refusal = 403;
  process.env['HTTP_PROXY'] = proxy.url.replace('//', '//ann:hidden@');
  const connection = dial('http://dte.test');
  await waitFor(
    'a failed try',
    () => connection.state.name === 'connecting' && connection.state.lastError !== null,
  );
  const { lastError } = connection.state as { lastError: Error };
  expect(lastError.message).toBe(
    `The coordinator at http://dte.test cannot be reached: Bad response: 403 (from the proxy ${proxy.url}).`,
  );
  proxy.refusal = null;
  await waitOpen(connection, 30_000);
});

it('answers of the service that break stay broken', async () => {
  await start(null);
  const connection = dial('http://dte.test');
  await waitOpen(connection, 30_000);
  server.handler = (_, response) => {
    response.writeHead(200, { 'content-length': '10' });
    response.write('half', () => response.destroy());
  };
  await expect(httpCall(connection.httpUrl(), { path: '/v1/cache/abc' })).rejects.toThrow();
});
