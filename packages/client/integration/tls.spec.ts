import { type Server, type Socket, createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { createCoordinatorCertificate } from '@org/dte-identity';
import {
  type CoordinatorAddress,
  type CoordinatorToAgent,
  DteError,
  coordinatorToAgentSchema,
} from '@org/dte-protocol';
import { waitFor, FakeCoordinator, runOfTasks, exampleClaims, testLimits } from '@org/dte-testing';
import { type Connection, connect, httpClient, openTunnel, waitOpen } from '../src';
import { type ConnectOptions } from '../src/connection/connection';

let server: FakeCoordinator;
let pin: string;
const cleanUps: (() => unknown)[] = [];

beforeEach(async () => {
  const certificate = createCoordinatorCertificate();
  ({ pin } = certificate);
  server = await FakeCoordinator.start(certificate);
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  await server.close();
});

const at = (...urls: string[]): CoordinatorAddress => ({ urls, pin, generation: 'g' });

function dial(
  address: CoordinatorAddress,
  change: Partial<ConnectOptions<CoordinatorToAgent>> = {},
): Connection<CoordinatorToAgent> {
  const connection = connect({
    address: () => Promise.resolve(address),
    hello: exampleClaims,
    limits: testLimits(),
    incoming: coordinatorToAgentSchema,
    ...change,
  });
  cleanUps.push(() => connection.close());
  return connection;
}

/** Listens on a free port; its sockets are closed after the test. Returns the address with `https`. */
async function listen(listener: Server): Promise<string> {
  const sockets = new Set<Socket>();
  listener.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => listener.close(resolve));
  });
  const address = listener.address();
  return typeof address === 'object' ? `https://127.0.0.1:${address?.port}` : '';
}

/** A server with another key. `heard` is what it received. */
async function impostor(): Promise<{ url: string; heard: Buffer[] }> {
  const heard: Buffer[] = [];
  const listener = createTlsServer(createCoordinatorCertificate(), (socket) =>
    socket.on('data', (data: Buffer) => heard.push(data)).on('error', () => undefined),
  );
  return { url: await listen(listener), heard };
}

it('opens over TLS with the pinned key, both proofs bound to the connection', async () => {
  server.secret = 'shared';
  const connection = dial(at(server.url), { credentials: { secret: 'shared' } });
  await waitOpen(connection, 30_000);
  expect(connection.url()).toBe(server.url);
  expect(server.hellos[0]).toMatchObject({ channelBinding: 'tls-exporter' });
});

it('forwards HTTP from a plain local port, until it is closed', async () => {
  server.runs.set('run-1', runOfTasks(['a:build']));
  const connection = dial(at(server.url));
  await waitOpen(connection, 30_000);
  const url = connection.httpUrl();
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  const http = httpClient({ url, token: () => 't', limits: testLimits() });
  cleanUps.push(() => http.close());
  expect((await http.getRun('run-1')).runId).toBe('run-1');
  connection.close();
  await expect(http.getRun('run-1')).rejects.toMatchObject({ code: 'DTE_NO_COORDINATOR' });
});

it('keeps the plain port across a reconnect', async () => {
  const connection = dial(at(server.url));
  await waitOpen(connection, 30_000);
  const url = connection.httpUrl();
  server.drop();
  await waitFor('a second hello', () => server.hellos.length === 2 && connection.state.name === 'open');
  expect(connection.httpUrl()).toBe(url);
});

it('rejects another key before it sends anything', async () => {
  const { url, heard } = await impostor();
  const connection = dial(at(url), { limits: testLimits({ pinPatienceMs: 200 }) });
  await expect(waitOpen(connection, 30_000)).rejects.toMatchObject({ code: 'DTE_PIN_MISMATCH' });
  expect(heard).toEqual([]);
});

it('shows another key nothing of a request that comes through the plain port', async () => {
  const { url, heard } = await impostor();
  const tunnel = await openTunnel(testLimits());
  cleanUps.push(() => tunnel.close());
  tunnel.pointTo({ urls: [url], pin });
  const http = httpClient({ url: tunnel.url, token: () => 'a token', limits: testLimits() });
  cleanUps.push(() => http.close());
  await expect(http.getRun('run-1')).rejects.toMatchObject({ code: 'DTE_NO_COORDINATOR' });
  expect(heard).toEqual([]);
});

it('speaks nothing older than TLS 1.3 with a pinned coordinator, whose key is the right one', async () => {
  const certificate = createCoordinatorCertificate();
  const heard: Buffer[] = [];
  const listener = createTlsServer({ ...certificate, maxVersion: 'TLSv1.2' }, (socket) =>
    socket.on('data', (data: Buffer) => heard.push(data)).on('error', () => undefined),
  );
  const address = { urls: [await listen(listener)], pin: certificate.pin, generation: 'g' };
  const connection = dial(address);
  await waitFor('a try', () => connection.state.name === 'connecting' && connection.state.lastError);
  expect(connection.state).toMatchObject({
    lastError: { message: expect.stringMatching(/protocol version|alert|handshake/i) as string },
  });
  expect(heard).toEqual([]);
});

it('connects with the right key when a retried main job publishes it a moment later', async () => {
  const { url } = await impostor();
  let current: CoordinatorAddress = { ...at(url), generation: 'old' };
  const connection = dial(current, { address: () => Promise.resolve(current) });
  await waitFor('a refusal', () => connection.state.name === 'connecting' && connection.state.lastError);
  expect(connection.state).toMatchObject({ lastError: { code: 'DTE_PIN_MISMATCH' } });
  current = at(server.url);
  await waitOpen(connection, 30_000);
});

it('selects the address that answers with the right key, whatever is at the others', async () => {
  const mute = await listen(createServer());
  const { url: false1 } = await impostor();
  const connection = dial(at('https://127.0.0.1:1', mute, false1, server.url), {
    limits: testLimits({ dialStaggerMs: 20, dialMs: 60_000 }),
  });
  await waitOpen(connection, 30_000);
  expect(connection.url()).toBe(server.url);
});

it('reports for each address why it does not answer, and since when', async () => {
  const mute = await listen(createServer());
  const from = Date.now();
  const connection = dial(at('https://127.0.0.1:1', mute), {
    limits: testLimits({ dialStaggerMs: 5, dialMs: 500 }),
  });
  await waitFor(
    'an end of the first try',
    () => connection.state.name === 'connecting' && connection.state.lastError,
  );
  const { state } = connection;
  if (state.name !== 'connecting') throw new Error(state.name);
  expect(state.lastError?.message).toMatch(/:1 cannot be reached: .*ECONNREFUSED.*; .*no answer in 500 ms/);
  expect(state.unreached).toMatchObject({ generation: 'g' });
  expect(state.unreached?.sinceMs).toBeGreaterThanOrEqual(from);
});

describe('the id token of the coordinator', () => {
  it('is requested, and no message is read before it is verified', async () => {
    const asked: (string | null)[] = [];
    const heard: string[] = [];
    let accept: () => void = () => undefined;
    server.idToken = 'a.b.c';
    const connection = dial(at(server.url), {
      credentials: {
        verifyCoordinator: (idToken) => {
          asked.push(idToken);
          server.want({ seq: 1 });
          return new Promise((resolve) => (accept = resolve));
        },
      },
    });
    connection.onMessage(({ type }) => heard.push(type));
    connection.onState(({ name }) => heard.push(name));
    await waitFor('the question', () => asked.length === 1);
    expect(asked).toEqual(['a.b.c']);
    await new Promise((resolve) => setImmediate(resolve));
    expect(heard).toEqual([]);
    accept();
    await waitFor('the message', () => heard.length === 2);
    expect(heard).toEqual(['open', 'agent.wanted']);
  });

  it('is verified once for one key: it may expire while the connection is lost', async () => {
    let asked = 0;
    server.idToken = 'a.b.c';
    const verifyCoordinator = (): Promise<void> => {
      asked++;
      return Promise.resolve();
    };
    const connection = dial(at(server.url), { credentials: { verifyCoordinator } });
    await waitOpen(connection, 30_000);
    server.drop();
    await waitFor('a second hello', () => server.hellos.length === 2 && connection.state.name === 'open');
    expect(asked).toBe(1);
  });

  it('fails the connection permanently when it is rejected or missing', async () => {
    const connection = dial(at(server.url), {
      credentials: {
        verifyCoordinator: (idToken) =>
          idToken === null ? Promise.reject(new DteError('DTE_ID_TOKEN_REFUSED', 'none')) : Promise.resolve(),
      },
    });
    await expect(waitOpen(connection, 30_000)).rejects.toMatchObject({ code: 'DTE_ID_TOKEN_REFUSED' });
    expect(() => connection.token()).toThrow('no connection');
  });
});

it('sends its own id token in every hello, and the token that it received in every later hello', async () => {
  const connection = dial(at(server.url), { credentials: { idToken: 'x.y.z' } });
  await waitOpen(connection, 30_000);
  server.drop();
  await waitFor('a second hello', () => server.hellos.length === 2);
  expect(server.hellos.map(({ idToken, sessionToken }) => [idToken, sessionToken])).toEqual([
    ['x.y.z', undefined],
    ['x.y.z', 'token-1'],
  ]);
});
