import { type ErrorCode, type Hello, LIMITS, PROTOCOL_VERSION } from '@org/dte-protocol';
import { exampleHello, runSpec, taskSpec, RawClient, TEST_NX_VERSION } from '@org/dte-testing';
import { agentSync, completed, Harness, success, containing, matching } from './support/harness';

const SECRET = 'correct horse battery staple';
const identity = exampleHello().identity;
const OTHER_COMMIT = { ...identity, commit: 'f'.repeat(40) };

/** What a rejected client receives: the code, and the close. */
async function refusal(client: RawClient): Promise<{ code: ErrorCode; message: string }> {
  const { reason, fatal } = await client.next('error');
  expect(fatal).toBe(true);
  expect(await client.whenClosed()).toEqual({ code: 1008, reason: reason.code });
  return reason;
}

describe('the handshake of a coordinator with a secret', () => {
  let harness: Harness;

  beforeEach(async () => {
    harness = await Harness.start({ secret: SECRET });
  });
  afterEach(() => harness.cleanUp());

  it('welcomes a client that knows it, and proves that it knows it itself', async () => {
    const client = await harness.agent('agent 1');
    expect(await client.next('welcome')).toMatchObject({
      proof: matching(/^[0-9a-f]{64}$/),
      leaseMs: 30_000,
    });
  });

  it('rejects another secret and names the client', async () => {
    const client = await harness.connect({ name: 'agent 1' }, 'wrong');
    expect(await refusal(client)).toEqual({
      code: 'DTE_BAD_SECRET',
      message: 'The agent "agent 1" has a different secret than the coordinator.',
    });
  });

  it('rejects a client without secret', async () => {
    const client = await RawClient.hello(harness.url, exampleHello({ name: 'agent 1' }));
    expect(await refusal(client)).toMatchObject({
      code: 'DTE_BAD_SECRET',
      message: containing('has no secret'),
    });
  });

  it('rejects a proof for another nonce', async () => {
    const client = await harness.rawClient();
    await client.next('challenge');
    client.send(exampleHello({ proof: 'a'.repeat(64) }));
    expect(await refusal(client)).toMatchObject({ code: 'DTE_BAD_SECRET' });
  });

  it('creates no session for a rejected client', async () => {
    await refusal(await harness.connect({}, 'wrong'));
    expect(harness.coordinator.sessions()).toEqual([]);
  });

  it('tells a later main job that a client was rejected, without the name it claimed', async () => {
    await refusal(await harness.connect({ name: 'agent 7' }, 'wrong'));
    const main = await harness.main();
    const info = await main.next('session.info', ({ refused }) => refused.length > 0);
    expect(info.refused).toMatchObject([{ name: null, reason: { code: 'DTE_BAD_SECRET' } }]);
    expect(JSON.stringify(main.received)).not.toContain('agent 7');
  });
});

describe('an invalid hello', () => {
  let harness: Harness;
  let main: RawClient;
  let agent: RawClient;

  /** A main job and an agent at work, which nothing here may disturb. */
  beforeEach(async () => {
    harness = await Harness.start();
    main = await harness.main();
    agent = await harness.agent('good agent');
    agent.send(agentSync(1));
    await harness.submit(main, runSpec('r1', [taskSpec('app:build')]));
    await agent.next('agent.wanted', ({ assignments }) => assignments.length === 1);
  });

  afterEach(async () => {
    try {
      await harness.putCache(agent, 'hash-app-build', 'outputs');
      agent.send(agentSync(2, [completed('r1', 'app:build', success('hash-app-build'))]));
      const update = await main.next('run.update', ({ state }) => state === 'finished');
      expect(update.entries.at(-1)).toMatchObject({
        status: 'success',
        attempt: 1,
        agent: { name: 'good agent' },
      });
    } finally {
      await harness.cleanUp();
    }
  });

  const seenByMain = (code: ErrorCode) =>
    main.next('session.info', ({ refused }) => refused.some(({ reason }) => reason.code === code));

  it('of another protocol version: the version is checked before the shape', async () => {
    const client = await harness.rawClient();
    client.send({
      type: 'hello',
      protocolVersion: 99,
      role: 'agent',
      sessionId: 's1',
      name: 'old agent',
      fresh: true,
    });
    expect(await refusal(client)).toMatchObject({
      code: 'DTE_PROTOCOL_VERSION',
      message: containing(`version 99, this side uses ${PROTOCOL_VERSION}`),
    });
    expect((await seenByMain('DTE_PROTOCOL_VERSION')).refused[0]).toMatchObject({
      name: null,
      reason: { message: containing('another version of @org/dte') },
    });
  });

  it('of another commit: both sides are told, and the main job also the name', async () => {
    const client = await harness.agent('agent 2', { identity: OTHER_COMMIT });
    const { code, message } = await refusal(client);
    expect(code).toBe('DTE_COMMIT_MISMATCH');
    expect(message).toBe(
      `The agent "agent 2" has checked out commit ${OTHER_COMMIT.commit}, the session's main job has ${identity.commit}.`,
    );
    expect((await seenByMain('DTE_COMMIT_MISMATCH')).refused).toMatchObject([{ name: 'agent 2' }]);
  });

  it('of another nx version: both sides are told', async () => {
    const client = await harness.agent('agent 2', { identity: { ...identity, nxVersion: '22.7.12' } });
    expect(await refusal(client)).toEqual({
      code: 'DTE_NX_VERSION_MISMATCH',
      message: `The agent "agent 2" has nx 22.7.12, the session's main job has nx ${TEST_NX_VERSION}.`,
    });
  });

  it('of a main job on another commit: rejected while the first is connected', async () => {
    const client = await harness.main({ clientId: 'main-2', identity: OTHER_COMMIT });
    expect(await refusal(client)).toMatchObject({
      code: 'DTE_COMMIT_MISMATCH',
      message: containing('The main job'),
    });
  });

  it('without git on one side: accepted, because there is nothing to compare', async () => {
    const client = await harness.agent('agent 2', { identity: { ...identity, commit: null } });
    await client.next('welcome');
  });

  const malformed: [string, (client: RawClient) => void][] = [
    ['that is not JSON', (client) => client.socket.send('hello?')],
    ['that is JSON but no hello', (client) => client.send({ type: 'agent.sync', seq: 1 })],
    ['with a field too many', (client) => client.send({ ...exampleHello(), extra: 1 })],
    ['in a binary frame', (client) => client.socket.send(Buffer.from(JSON.stringify(exampleHello())))],
    [
      'for a session whose id leaves its folder',
      (client) => client.send(exampleHello({ sessionId: '../../etc' })),
    ],
    ['for a session whose id holds a slash', (client) => client.send(exampleHello({ sessionId: 'a/b' }))],
    ['for a session whose id holds a NUL', (client) => client.send(exampleHello({ sessionId: 'a\0b' }))],
    [
      'for a session whose id is very long',
      (client) => client.send(exampleHello({ sessionId: 'a'.repeat(200) })),
    ],
    [
      'of a client whose name would break a log line',
      (client) => client.send(exampleHello({ name: 'a\nb' })),
    ],
    ['of a role that does not exist', (client) => client.send({ ...exampleHello(), role: 'admin' })],
  ];
  it.each(malformed)('%s: malformed', async (_, say) => {
    const client = await harness.rawClient();
    await client.next('challenge');
    say(client);
    expect(await refusal(client)).toMatchObject({ code: 'DTE_MALFORMED_MESSAGE' });
  });

  it('larger than a hello may be: too large, although a frame may be larger', async () => {
    const client = await harness.rawClient();
    client.send({ ...exampleHello(), padding: 'x'.repeat(LIMITS.helloBytes.value) });
    expect(await client.whenClosed()).toMatchObject({ code: 1009 });
  });

  it('sent twice: the second is malformed', async () => {
    const client = await harness.agent('agent 2');
    client.send(exampleHello());
    expect(await refusal(client)).toMatchObject({
      code: 'DTE_MALFORMED_MESSAGE',
      message: containing('agent 2'),
    });
  });
});

describe('an invalid frame after the welcome', () => {
  let harness: Harness;
  beforeEach(async () => {
    harness = await Harness.start();
  });
  afterEach(() => harness.cleanUp());

  const roles: [Hello['role'], object][] = [
    ['agent', { type: 'main.sync', runId: 'r1', ackSeq: 0, want: 'follow' }],
    ['main', agentSync(1)],
    ['observer', agentSync(1)],
  ];
  it.each(roles)(
    'closes the connection of a %s that sends a message of another role',
    async (role, message) => {
      const client = await harness.connect({ role, name: 'some client' });
      client.send(message);
      expect(await refusal(client)).toMatchObject({
        code: 'DTE_MALFORMED_MESSAGE',
        message: containing('"some client"'),
      });
    },
  );

  it('closes the connection of an agent and names the invalid field', async () => {
    const client = await harness.agent('agent 1');
    client.send({ ...agentSync(1), seq: -1 });
    expect(await refusal(client)).toMatchObject({ message: matching(/"agent 1".* seq: /) });
  });

  it('closes the connection with 1009 if it is larger than any frame may be, and no other', async () => {
    const [bad, good] = [await harness.agent('agent 1'), await harness.agent('agent 2')];
    bad.socket.send('x'.repeat(LIMITS.frameBytes.value + 1));
    expect(await bad.whenClosed()).toMatchObject({ code: 1009 });
    good.send(agentSync(1));
    const main = await harness.main();
    await main.next('session.info', ({ agents }) =>
      agents.some(({ name, connected }) => name === 'agent 2' && connected),
    );
  });

  it('closes the connection if it is binary', async () => {
    const client = await harness.agent('agent 1');
    client.socket.send(Buffer.from([1, 2, 3]));
    expect(await refusal(client)).toEqual({
      code: 'DTE_MALFORMED_MESSAGE',
      message: 'The agent "agent 1" sent a binary frame; all messages are text.',
    });
  });

  it('rejects an agent that connected before a main job of another commit', async () => {
    const early = await harness.agent('early agent', { identity: OTHER_COMMIT });
    const fitting = await harness.agent('fitting agent');
    const main = await harness.main();
    expect(await refusal(early)).toMatchObject({ code: 'DTE_COMMIT_MISMATCH' });
    const info = await main.next('session.info', ({ refused }) => refused.length > 0);
    expect(info.refused.map(({ name }) => name)).toEqual(['early agent']);
    expect(info.agents.map(({ name }) => name)).toEqual(['fitting agent']);
    expect(fitting.closed).toBeNull();
  });
});

describe('limits on connections', () => {
  let harness: Harness;
  afterEach(() => harness.cleanUp());

  it('closes a connection without a hello', async () => {
    harness = await Harness.start({ limits: { handshakeMs: 50 } });
    const client = await harness.rawClient();
    expect(await client.next('error')).toMatchObject({ reason: { code: 'DTE_TIMEOUT' } });
    await client.whenClosed();
  });

  it('rejects an agent above the limit of a session, and accepts a reconnect of a known one', async () => {
    harness = await Harness.start({ limits: { agentsPerSession: 1 } });
    await harness.agent('agent 1');
    expect(await refusal(await harness.agent('agent 2'))).toMatchObject({ code: 'DTE_LIMIT_REACHED' });
    await (await harness.agent('agent 1')).next('welcome');
  });

  it('rejects a connection above the limit of a coordinator, with an error', async () => {
    harness = await Harness.start({ limits: { connectionsPerCoordinator: 1 } });
    await harness.agent('agent 1');
    const { reason, fatal } = await (await harness.agent('agent 2')).next('error');
    expect(reason).toMatchObject({ code: 'DTE_TOO_MANY', message: containing('DTE_MAX_CONNECTIONS') });
    expect(fatal).toBe(false);
  });

  it('disconnects a silent agent, and tells its main job', async () => {
    harness = await Harness.start({ limits: { leaseMs: 100 } });
    const main = await harness.main();
    const agent = await harness.agent('agent 1');
    await agent.whenClosed();
    await main.next('session.info', ({ agents }) => agents.every(({ connected }) => !connected));
    expect(main.closed).toBeNull();
  });

  it('rejects connections from a web page', async () => {
    harness = await Harness.start();
    const client = await RawClient.connect(harness.url, { origin: 'https://evil.example' });
    expect(client.closed).not.toBeNull();
  });

  it('rejects a client behind a proxy if there is no secret', async () => {
    harness = await Harness.start();
    const client = await RawClient.connect(harness.url, { headers: { 'x-forwarded-for': '203.0.113.9' } });
    client.send(exampleHello());
    expect(await refusal(client)).toMatchObject({ code: 'DTE_SECRET_REQUIRED' });
  });
});
