import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createCoordinatorCertificate } from '@org/dte-identity';
import { HTTP, LIMITS } from '@org/dte-protocol';
import { exampleHello, runSpec, taskSpec, httpCall, type RawClient, waitFor } from '@org/dte-testing';
import { pino } from 'pino';
import { Harness } from './support/harness';
import { drip, mute, sendStrangersAway, type Stranger, stranger, UPGRADE } from './support/strangers';

jest.setTimeout(120_000);

let harness: Harness;
afterEach(async () => {
  sendStrangersAway();
  await harness.cleanUp();
});

const alive = (strangers: readonly Stranger[]): number => strangers.filter((each) => !each.isClosed()).length;

/** Whatever else connects: a legitimate client gets in both ways, with retries as a real client does. */
const getsIn = (name: string): Promise<RawClient> =>
  waitFor(`${name} to get in`, async () => {
    const agent = await harness.agent(name).catch(() => null);
    if (agent === null || agent.all('welcome').length === 0) return null;
    expect(await harness.ask(agent)).toBe(200);
    return agent;
  });

describe('headers', () => {
  const HEADER = `GET ${HTTP.health} HTTP/1.1\r\nhost: x\r\nx-slow: `;

  /** The beginning of a TLS record of 512 bytes. */
  const CLIENT_HELLO = '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03';

  it.each([
    ['plain', {}],
    ['with TLS', { tls: createCoordinatorCertificate() }],
  ])('that never end are cut off (%s)', async (_, options) => {
    harness = await Harness.start({ ...options, limits: { headersMs: 1_000, strangerMs: 1_000 } });
    const slow = await stranger(harness, 'tls' in options ? CLIENT_HELLO : HEADER);
    expect(await drip(slow, 50)).toBeGreaterThan(0);
  });

  it('that never end get an answer before the connection is closed', async () => {
    harness = await Harness.start({ limits: { headersMs: 200, strangerMs: 60_000 } });
    const slow = await stranger(harness, HEADER);
    await drip(slow, 50);
    expect(slow.heard()).toContain('x-dte-error: DTE_TIMEOUT');
  });

  it('of a later request on a connection that has shown a good token have the same time', async () => {
    harness = await Harness.start({ limits: { headersMs: 2_000 } });
    const { token } = await harness.agent('agent 1');
    const kept = await stranger(
      harness,
      `GET /v1/cache/1 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n\r\n`,
    );
    await waitFor('the first answer', () => kept.heard().includes('DTE_UNKNOWN_HASH'));
    kept.socket.write(HEADER);
    await drip(kept, 50);
  });

  it('that arrive slowly but in time are accepted', async () => {
    harness = await Harness.start();
    const slow = await stranger(harness);
    for (const piece of [HEADER.slice(0, 10), HEADER.slice(10), 'y\r\n', '\r\n']) {
      slow.socket.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await waitFor('the answer', () => slow.heard().includes('{"ok":true}'));
  });
});

describe('an unauthenticated connection', () => {
  it.each([
    ['says nothing', ''],
    ['upgrades and says no hello', UPGRADE],
    ['asks for nothing but the health', `GET ${HTTP.health} HTTP/1.1\r\nhost: x\r\n\r\n`],
    ['shows a wrong token', 'GET /v1/cache/1 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer x.y\r\n\r\n'],
    ['never ends its body', 'PUT /v1/cache/1 HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nabc'],
  ])('and %s has its time', async (_, words) => {
    // Long enough for an agent to get in on a slow machine.
    harness = await Harness.start({ limits: { strangerMs: 2_000 } });
    const held = await stranger(harness, words);
    await waitFor('the connection to be cut off', held.isClosed);
    await getsIn('agent');
  });

  it('is evicted for a newer one of its address above the limit, the oldest first', async () => {
    harness = await Harness.start({ limits: { strangersPerAddress: 3 } });
    const first = await mute(harness);
    const others = [await mute(harness), await mute(harness)];
    expect(first.isClosed()).toBe(false);
    others.push(await mute(harness));
    await waitFor('the oldest to be cut off', first.isClosed);
    expect(alive(others)).toBe(3);
  });

  it('above the total limit, is evicted if its address has the most', async () => {
    harness = await Harness.start({ limits: { strangersPerCoordinator: 4 } });
    const alone = await mute(harness, '127.0.0.2');
    const many: Stranger[] = [];
    for (let index = 0; index < 10; index++) many.push(await mute(harness, '127.0.0.3'));
    await waitFor('all but three to be cut off', () => alive(many) === 3);
    expect(alone.isClosed()).toBe(false);
  });

  it.each(['nothing', 'http', 'websocket'] as const)(
    'does not keep anybody out, however many there are (%s)',
    async (kind) => {
      harness = await Harness.start({
        limits: { strangersPerCoordinator: 20, strangersPerAddress: 20, connectionsPerCoordinator: 2 },
      });
      const words = { nothing: '', http: 'GET /v1/hea', websocket: UPGRADE }[kind];
      const crowd = await Promise.all(Array.from({ length: 60 }, () => stranger(harness, words)));
      await waitFor('the crowd to be thinned out', () => alive(crowd) <= 20);
      await getsIn('agent 1');
      await getsIn('agent 2');
      expect(alive(crowd)).toBeGreaterThan(0);
    },
  );

  it.each([
    ['plain', {}],
    ['with TLS', { tls: createCoordinatorCertificate() }],
  ])('is not counted any more once it has proven whom it belongs to (%s)', async (_, options) => {
    harness = await Harness.start({ ...options, limits: { strangersPerAddress: 2, strangerMs: 1_000 } });
    const agents = [];
    for (let index = 0; index < 10; index++) agents.push(await getsIn(`agent ${index}`));
    const late = await stranger(harness);
    await waitFor('a stranger to be cut off', late.isClosed);
    expect(agents.filter(({ closed }) => closed !== null)).toEqual([]);
    await getsIn('agent 10');
  });
});

describe('a first frame', () => {
  it('of maximum size is read', async () => {
    harness = await Harness.start();
    const hello = exampleHello({ idToken: `a.${'b'.repeat(LIMITS.idTokenBytes.value - 4)}.c` });
    const padding = LIMITS.helloBytes.value - JSON.stringify({ ...hello, jobUrl: '' }).length;
    const client = await harness.rawClient();
    client.send({ ...hello, jobUrl: 'x'.repeat(Math.min(2_048, padding)) });
    await client.next('welcome');
  });

  it.each([
    ['one byte larger', LIMITS.helloBytes.value + 1],
    ['as large as any later one may be', LIMITS.frameBytes.value],
  ])('%s ends the connection before it is taken in', async (_, bytes) => {
    harness = await Harness.start();
    const client = await harness.rawClient();
    client.socket.send('x'.repeat(bytes));
    expect(await client.whenClosed()).toMatchObject({ code: 1009 });
  });

  it('in fragments is limited by their total size', async () => {
    harness = await Harness.start();
    const client = await harness.rawClient();
    for (let index = 0; index < 5; index++) client.socket.send('x'.repeat(4_000), { fin: false });
    expect(await client.whenClosed()).toMatchObject({ code: 1009 });
  });

  it('that announces 16 MiB is rejected after its header', async () => {
    harness = await Harness.start();
    const client = await mute(harness);
    // FIN and text; masked, 64-bit length: 16 MiB; the mask. Then nothing.
    client.socket.write(Buffer.from([0x81, 0xff, 0, 0, 0, 0, 1, 0, 0, 0, 1, 2, 3, 4]));
    await waitFor('the connection to end', client.isClosed);
  });

  it('may be followed by larger ones after authentication', async () => {
    harness = await Harness.start();
    const agent = await harness.agent('agent 1');
    const alive = new Promise((resolve) => agent.socket.once('pong', resolve));
    agent.send({
      type: 'agent.sync',
      seq: 1,
      slots: 1,
      draining: false,
      work: Array.from({ length: 200 }, (_, index) => ({
        runId: 'r1',
        taskId: `${'x'.repeat(900)}${index}`,
        attempt: 1,
        phase: { name: 'preparing' },
      })),
    });
    agent.socket.ping();
    await alive;
    expect(agent.closed).toBeNull();
  });
});

describe('a body', () => {
  const limits = { bodyWindowMs: 300, bodyWindowBytes: 1_000 };
  const head = (method: string, path: string, token: string, length: number): string =>
    `${method} ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\ncontent-length: ${length}\r\n\r\n`;
  const storedFiles = (): string[] =>
    readdirSync(join(harness.dataDir, 'sessions', 's1'), { recursive: true })
      .map(String)
      .filter((name) => name.startsWith('artifacts/'));

  it.each([
    ['an artifact', 'PUT', HTTP.cache('h1')],
    ['settings', 'POST', HTTP.sessionSettings],
    ['a request that has none', 'GET', HTTP.sessionStatus],
  ])('of %s that comes one byte after the other is cut off, and nothing of it is left', async (...call) => {
    harness = await Harness.start({ limits });
    const main = await harness.main();
    const slow = await stranger(harness, head(call[1], call[2], main.token, 500_000));
    await drip(slow, 20);
    await waitFor('nothing to be left', () => storedFiles().length === 0);
    expect(await harness.putCache(main, 'h1', 'x')).toBe(200);
  });

  it('of an artifact that becomes slow after a large part stores nothing', async () => {
    harness = await Harness.start({ limits });
    const main = await harness.main();
    const slow = await stranger(harness, head('PUT', HTTP.cache('h1'), main.token, 5_000_000));
    slow.socket.write(Buffer.alloc(600_000));
    await waitFor('the upload to begin', () => storedFiles().length === 1);
    await drip(slow, 20);
    await waitFor('nothing to be left', () => storedFiles().length === 0);
  });

  it('of an answer that the client does not read is aborted', async () => {
    const lines: string[] = [];
    const logger = pino({}, { write: (line) => void lines.push(line) });
    harness = await Harness.start({ limits, logger });
    const main = await harness.main();
    expect(await harness.putCache(main, 'h1', Buffer.alloc(40_000_000))).toBe(200);
    const deaf = await stranger(harness);
    deaf.socket.pause();
    deaf.socket.write(head('GET', HTTP.cache('h1'), main.token, 0));
    await waitFor('the connection to be cut off', () =>
      lines.some((line) => line.includes('the client took less')),
    );
    // The kernel's buffers still arrive, and then the end of the stream, long before the end of the artifact.
    deaf.socket.resume();
    await waitFor('the end', deaf.isClosed);
    expect(deaf.heard().length).toBeLessThan(40_000_000);
  });
});

describe('a coordinator that is full', () => {
  it('tells an authenticated client above the limit to retry', async () => {
    harness = await Harness.start({ limits: { connectionsPerCoordinator: 1 } });
    const first = await harness.agent('agent 1');
    const second = await harness.agent('agent 2');
    expect(await second.next('error')).toMatchObject({ fatal: false, reason: { code: 'DTE_TOO_MANY' } });
    await second.whenClosed();
    await first.kill();
    await getsIn('agent 2');
  });
});

describe('a peer that sends more than its rate', () => {
  const say = (client: RawClient, bytes: number): void => {
    const output = { type: 'agent.output', runId: 'r1', taskId: 'app:build', attempt: 1, offset: 0 };
    for (let said = 0; said < bytes; said += 60_000) client.send({ ...output, data: 'x'.repeat(60_000) });
  };
  const pong = (client: RawClient): Promise<unknown> => {
    const heard = new Promise((resolve) => client.socket.once('pong', resolve));
    client.socket.ping();
    return heard;
  };

  it('is read more slowly, not disconnected, and does not delay others', async () => {
    harness = await Harness.start({ limits: { peerBytesPerSecond: 1 } });
    const [loud, calm] = [await harness.agent('loud'), await harness.agent('calm')];
    say(loud, LIMITS.frameBytes.value + 1_000_000);
    let isAnswered = false;
    void pong(loud).then(() => (isAnswered = true));
    for (let beat = 1; beat <= 20; beat++) await pong(calm);
    await getsIn('late');
    expect([isAnswered, loud.closed]).toEqual([false, null]);
  });

  it('has all its messages processed', async () => {
    harness = await Harness.start({ limits: { peerBytesPerSecond: 50_000_000 } });
    const loud = await harness.agent('loud');
    say(loud, 2 * LIMITS.frameBytes.value);
    await pong(loud);
    expect(loud.closed).toBeNull();
  });

  it('may send a frame of maximum size at once', async () => {
    harness = await Harness.start({ limits: { peerBytesPerSecond: 1 } });
    const agent = await harness.agent('agent 1');
    say(agent, LIMITS.frameBytes.value - 1_000_000);
    await pong(agent);
  });
});

describe('sessions', () => {
  const limits = { sessionsPerCoordinator: 3, sessionsPerProject: 2, mainLostMs: 1 };
  const enter = (sessionId: string, role: 'main' | 'agent' = 'agent'): Promise<RawClient> =>
    harness.connect({ sessionId, role, slots: null });
  const names = (): string[] => harness.coordinator.sessions().map(({ sessionId }) => sessionId);
  const whenEmpty = (sessionId: string): Promise<unknown> =>
    waitFor('a session to be left', () =>
      harness.coordinator
        .sessions()
        .some((each) => each.sessionId === sessionId && each.agents + each.mains === 0),
    );

  it('that are unused do not block new ones, however many there are', async () => {
    harness = await Harness.start({ limits });
    const main = await enter('1-1', 'main');
    for (let pipeline = 1; pipeline < 20; pipeline++) {
      await waitFor('the one before to make room', async () => {
        const client = await enter(`9-${pipeline}`);
        await client.kill();
        return client.all('welcome').length > 0;
      });
      await whenEmpty(`9-${pipeline}`);
      expect(names()).toContain('1-1');
    }
    expect(names().length).toBeLessThanOrEqual(3);
    expect(await harness.ask(main)).toBe(200);
  });

  it('of one project have their own limit, and a client above it is told to retry', async () => {
    harness = await Harness.start({ limits });
    const [first] = [await enter('9-1', 'main'), await enter('9-2', 'main')];
    const { reason, fatal } = await (await enter('9-3')).next('error');
    expect([reason.code, fatal]).toEqual(['DTE_TOO_MANY', false]);
    expect(reason.message).toContain('DTE_MAX_PROJECT_SESSIONS');
    await (await enter('8-1')).next('welcome');
    await first.kill();
    await waitFor('room', async () => (await enter('9-3')).all('welcome').length > 0);
  });

  it('with settings or a run are kept without members', async () => {
    harness = await Harness.start({ limits });
    const configured = await enter('1-1', 'main');
    const settings = { stopAgentsAfter: [], stopAgentsOnFailure: false, requireExplicitCompletion: true };
    const body = JSON.stringify(settings);
    const call = { method: 'POST', path: HTTP.sessionSettings, token: configured.token, body };
    expect(await httpCall(harness.url, call)).toMatchObject({ status: 200 });
    const working = await enter('2-1', 'main');
    await harness.submit(working, runSpec('r1', [taskSpec('app:build')]));
    for (const client of [configured, working]) await client.kill();
    for (const sessionId of ['1-1', '2-1']) await whenEmpty(sessionId);
    await (await enter('3-1', 'main')).next('welcome');
    expect(await (await enter('4-1', 'main')).next('error')).toMatchObject({
      reason: { code: 'DTE_TOO_MANY' },
    });
    expect(names().sort()).toEqual(['1-1', '2-1', '3-1']);
  });
});
