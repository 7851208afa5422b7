import {
  type AgentSync,
  type CoordinatorToAgent,
  coordinatorToAgentSchema,
  PROTOCOL_VERSION,
  type Welcome,
  welcomeSchema,
} from '@org/dte-protocol';
import { waitFor, FakeCoordinator, exampleClaims, testLimits } from '@org/dte-testing';
import { type Connection, connect, waitOpen } from '../src';
import { type ConnectOptions } from '../src/connection/connection';

let server: FakeCoordinator;
const open: Connection<CoordinatorToAgent>[] = [];

beforeEach(async () => {
  server = await FakeCoordinator.start();
});
afterEach(async () => {
  for (const connection of open.splice(0)) connection.close();
  await server.close();
});

function dial(change: Partial<ConnectOptions<CoordinatorToAgent>> = {}): Connection<CoordinatorToAgent> {
  const connection = connect({
    address: server.url,
    hello: exampleClaims,
    limits: testLimits(),
    incoming: coordinatorToAgentSchema,
    ...change,
  });
  open.push(connection);
  return connection;
}
const until = (connection: Connection<unknown>, name: string): Promise<unknown> =>
  waitFor(`state ${name}`, () => connection.state.name === name, {
    deadlineMs: 10_000,
    lastState: () => JSON.stringify(connection.state),
  });
const sync = (seq: number): AgentSync => ({
  type: 'agent.sync',
  seq,
  slots: null,
  draining: false,
  work: [],
});

it('opens with the token of the welcome once both sides have proven that they know the secret', async () => {
  server.secret = 'shared';
  const connection = dial({ credentials: { secret: 'shared' } });
  await waitOpen(connection, 5_000);
  expect(connection.token()).toBe('token-1');
  expect(connection.url()).toBe(server.url);
});

it('fails permanently when the coordinator rejects the secret', async () => {
  server.secret = 'shared';
  const connection = dial({ credentials: { secret: 'another' } });
  await expect(waitOpen(connection, 5_000)).rejects.toMatchObject({ code: 'DTE_BAD_SECRET' });
  expect(server.hellos).toHaveLength(1);
});

it('rejects a coordinator that signs with another secret', async () => {
  server.secret = 'another';
  const connection = dial({ credentials: { secret: 'shared' } });
  // The false coordinator would accept this client.
  Object.defineProperty(server, 'answer', {
    value: (socket: { send(text: string): void }) =>
      socket.send(
        JSON.stringify({
          type: 'welcome',
          proof: 'a'.repeat(64),
          token: 't',
          heartbeatMs: 1000,
          leaseMs: 1000,
        }),
      ),
  });
  await until(connection, 'failed');
  expect(connection.state).toMatchObject({ error: { code: 'DTE_BAD_SECRET' } });
});

const changes: Partial<Welcome>[] = [
  { token: 'another' },
  { idToken: 'e30.e30.x' },
  { heartbeatMs: 1 },
  { leaseMs: 1 },
  { proof: 'ab'.repeat(32) },
];
it('tests a change of every field of a welcome', () => {
  const changed = ['type', ...changes.flatMap((change) => Object.keys(change))];
  expect(changed.sort()).toEqual(Object.keys(welcomeSchema.shape).sort());
});

it.each(changes)('rejects a welcome that was changed to %j on its way', async (change) => {
  server.secret = 'shared';
  server.tamper = (welcome) => ({ ...welcome, ...change });
  const connection = dial({ credentials: { secret: 'shared' } });
  await expect(waitOpen(connection, 5_000)).rejects.toMatchObject({ code: 'DTE_BAD_SECRET' });
});

it('does not print the reason of a peer that rejects it without having proven the secret', async () => {
  server.secret = 'another';
  server.refusal = { code: 'DTE_COMMIT_MISMATCH', message: 'buy gold' };
  // As if its own proof had been accepted there.
  Object.defineProperty(server, 'answer', {
    value: (socket: { send(text: string): void }) =>
      socket.send(JSON.stringify({ type: 'error', reason: server.refusal, fatal: true })),
  });
  const connection = dial({ credentials: { secret: 'shared' } });
  const refusal = waitOpen(connection, 5_000);
  await expect(refusal).rejects.toMatchObject({ code: 'DTE_COMMIT_MISMATCH' });
  await expect(refusal).rejects.not.toThrow(/gold/);
});

it('prints the reason of an authenticated coordinator, and one printable line of it if there is no secret', async () => {
  server.refusal = { code: 'DTE_COMMIT_MISMATCH', message: 'other\u001b[2J\ncommit' };
  await expect(waitOpen(dial(), 5_000)).rejects.toThrow('other [2J commit');
  server.secret = 'shared';
  const connection = dial({ credentials: { secret: 'shared' } });
  await expect(waitOpen(connection, 5_000)).rejects.toThrow('other [2J commit');
});

it('does not print an invalid challenge', async () => {
  Object.defineProperty(server, 'greet', {
    value: (socket: { send(text: string): void }) =>
      socket.send(JSON.stringify({ type: 'challenge', protocolVersion: PROTOCOL_VERSION, 'buy gold': 1 })),
  });
  const refusal = waitOpen(dial(), 5_000);
  await expect(refusal).rejects.toMatchObject({ code: 'DTE_MALFORMED_MESSAGE' });
  await expect(refusal).rejects.not.toThrow(/gold/);
});

it('rejects a coordinator without a secret when it has one itself', async () => {
  const connection = dial({ credentials: { secret: 'shared' } });
  await expect(waitOpen(connection, 5_000)).rejects.toMatchObject({ code: 'DTE_BAD_SECRET' });
  expect(() => connection.token()).toThrow('no connection');
});

it('reconnects after the connection is lost, and sends the newest state first', async () => {
  const connection = dial();
  await waitOpen(connection, 5_000);
  connection.onState(({ name }) => {
    if (name !== 'connecting') return;
    connection.send(sync(1));
    connection.send(sync(2));
  });
  server.drop();
  await server.waitForSync('the newest state', ({ seq }) => seq === 2);
  expect(server.syncs.map(({ seq }) => seq)).toEqual([2]);
  expect(server.hellos).toHaveLength(2);
  expect(server.hellos[1]?.clientNonce).not.toBe(server.hellos[0]?.clientNonce);
});

it('keeps trying while no coordinator is published, and finds it when it is', async () => {
  let url: string | null = null;
  let asked = 0;
  const connection = dial({
    address: async () => {
      asked++;
      return url === null ? null : { urls: [url], pin: null, generation: 'g' };
    },
  });
  await waitFor('three questions', () => asked >= 3);
  expect(connection.state).toMatchObject({ name: 'connecting', lastError: { code: 'DTE_NO_COORDINATOR' } });
  url = server.url;
  await waitOpen(connection, 5_000);
});

it('times out for an address that does not answer, with the reason in the message', async () => {
  const connection = dial({ address: 'http://127.0.0.1:1' });
  await expect(waitOpen(connection, 100)).rejects.toThrow(/in 100 ms.*ECONNREFUSED/);
});

it.each(['DTE_COMMIT_MISMATCH', 'DTE_SESSION_FINISHED', 'DTE_LIMIT_REACHED'] as const)(
  'fails permanently on %s',
  async (code) => {
    server.refusal = { code, message: 'no' };
    const connection = dial();
    await until(connection, 'failed');
    expect(connection.state).toMatchObject({ error: { code, message: 'no' } });
  },
);

it.each(['DTE_TIMEOUT', 'DTE_TOO_MANY'] as const)(
  'retries after %s, which may be temporary',
  async (code) => {
    server.refusal = { code, message: 'later' };
    const connection = dial();
    await waitFor('two tries', () => server.hellos.length >= 2);
    server.refusal = null;
    await until(connection, 'open');
  },
);

it('fails permanently when the coordinator closes an open connection with a fatal error', async () => {
  const connection = dial();
  await waitOpen(connection, 5_000);
  server.say({
    type: 'error',
    reason: { code: 'DTE_COMMIT_MISMATCH', message: 'main came\u001b[2J\nwith another' },
    fatal: true,
  });
  await until(connection, 'failed');
  // One printable line, as in a refusal.
  expect(connection.state).toMatchObject({ error: { message: 'main came [2J with another' } });
});

it('passes on an error that is not fatal, and stays open', async () => {
  const connection = dial();
  const heard: CoordinatorToAgent[] = [];
  connection.onMessage((message) => heard.push(message));
  await waitOpen(connection, 5_000);
  server.say({ type: 'error', reason: { code: 'DTE_TIMEOUT', message: 'slow' }, fatal: false });
  await waitFor('the error', () => heard.length === 1);
  expect(connection.state.name).toBe('open');
});

it.each([
  ['is not JSON', '{'],
  ['does not match the protocol', '{"type":"agent.wanted"}'],
])('fails permanently when a message %s', async (_, frame) => {
  const connection = dial();
  await waitOpen(connection, 5_000);
  server.sayRaw(frame);
  await until(connection, 'failed');
  expect(connection.state).toMatchObject({ error: { code: 'DTE_MALFORMED_MESSAGE' } });
});

it('fails permanently when a frame is too large', async () => {
  const connection = dial({ limits: testLimits({ frameBytes: 2_000 }) });
  await waitOpen(connection, 5_000);
  server.sayRaw('x'.repeat(3_000));
  await until(connection, 'failed');
  expect(connection.state).toMatchObject({ error: { code: 'DTE_FRAME_TOO_LARGE' } });
});

it('reconnects when the coordinator has not sent a message for three heartbeats', async () => {
  server.heartbeatMs = 30;
  const connection = dial();
  await waitOpen(connection, 5_000);
  server.freeze();
  await waitFor('a second connection', () => server.hellos.length === 2);
  await until(connection, 'open');
});

it('stays connected while only pings are answered', async () => {
  server.heartbeatMs = 10;
  const connection = dial();
  let states = 0;
  connection.onState(() => states++);
  await waitOpen(connection, 5_000);
  const from = Date.now();
  await waitFor('fifteen heartbeats', () => Date.now() - from > 150);
  expect(states).toBe(1);
});

it('times out when a coordinator accepts the connection and sends nothing, and retries', async () => {
  server.mute = true;
  const connection = dial({ limits: testLimits({ handshakeMs: 40 }) });
  await waitFor(
    'the first try to end',
    () => connection.state.name === 'connecting' && connection.state.lastError !== null,
  );
  server.mute = false;
  await until(connection, 'open');
});

it('rejects output while a slow coordinator has not read the buffered output, and accepts it again later', async () => {
  const connection = dial({ limits: testLimits({ outputBufferBytes: 200_000 }) });
  await waitOpen(connection, 5_000);
  server.freeze();
  const output = (offset: number) =>
    ({
      type: 'agent.output',
      runId: 'r',
      taskId: 't',
      attempt: 1,
      offset,
      data: 'x'.repeat(60_000),
    }) as const;
  let sent = 0;
  while (connection.send(output(sent * 60_000))) sent++;
  expect(sent).toBeLessThan(500);
  connection.send(sync(7));
  server.thaw();
  await server.waitForSync('the state, which goes first', ({ seq }) => seq === 7);
  await waitFor('all accepted output', () => server.outputs.length === sent);
  expect(connection.send(output(sent * 60_000))).toBe(true);
});

it('rejects output while it is not open, and releases everything when closed', async () => {
  const connection = dial({ address: 'http://127.0.0.1:1' });
  expect(
    connection.send({ type: 'agent.output', runId: 'r', taskId: 't', attempt: 1, offset: 0, data: 'x' }),
  ).toBe(false);
  connection.close();
  connection.close();
  expect(connection.state.name).toBe('closed');
  expect(connection.send(sync(1))).toBe(false);
});

it('closes on its abort signal', async () => {
  const abort = new AbortController();
  const connection = dial({ signal: abort.signal });
  await waitOpen(connection, 5_000);
  abort.abort();
  expect(connection.state.name).toBe('closed');
  await waitFor('the end of the connection', () => server.connections === 0);
});
