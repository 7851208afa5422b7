import { TLSSocket } from 'node:tls';
import { createCoordinatorCertificate, pinOf } from '@org/dte-identity';
import { type ErrorCode, type Hello, HTTP, type LimitValues } from '@org/dte-protocol';
import {
  runSpec,
  taskSpec,
  type FakeGitlab,
  httpCall,
  RawClient,
  signHello,
  startFakeGitlab,
} from '@org/dte-testing';
import { agentSync, completed, containing, Harness, success } from './support/harness';
import { claimsOf, helloOf, SECRET, SESSION } from './support/pipelines';

const OUTPUT = { runId: 'r1', taskId: 'app:build', attempt: 1, offset: 0 };

let gitlab: FakeGitlab;
let nowMs: number;
let harness: Harness;
beforeAll(async () => {
  gitlab = await startFakeGitlab({ projects: [], now: () => nowMs });
});
afterAll(() => gitlab.close());
beforeEach(() => {
  nowMs = Date.now();
});
afterEach(() => harness.cleanUp());

const tokenOf = (claims: Parameters<typeof claimsOf>[0] = {}, expiresInS = 3_600): string =>
  gitlab.idToken(claimsOf(claims), { expiresInS });
const start = (
  options: { secret?: string; own?: string; limits?: Partial<LimitValues>; tls?: boolean } = {},
): Promise<Harness> => {
  const { secret, own, limits = {}, tls = false } = options;
  return Harness.start({
    limits,
    now: () => nowMs,
    ...(secret === undefined ? {} : { secret }),
    ...(tls ? { tls: createCoordinatorCertificate() } : {}),
    idTokens: { issuers: [gitlab.issuer], audience: 'dte', ...(own === undefined ? {} : { own }) },
  });
};
const refusal = async (client: RawClient): Promise<{ code: ErrorCode; message: string }> => {
  const { reason } = await client.next('error');
  await client.whenClosed();
  return reason;
};

describe('a coordinator that verifies id tokens', () => {
  it('needs no secret, and also serves other machines', async () => {
    harness = await start();
    const client = await RawClient.connect(harness.url, { headers: { 'x-forwarded-for': '203.0.113.9' } });
    client.send(helloOf('agent', tokenOf()));
    expect(await client.next('welcome')).toMatchObject({ proof: null, idToken: null });
    client.socket.terminate();
  });

  it('presents the id token of its own job only to authenticated clients', async () => {
    const own = tokenOf({ job_id: '1' });
    harness = await start({ own });
    const friend = await harness.connect(helloOf('agent', tokenOf()));
    expect(await friend.next('welcome')).toMatchObject({ idToken: own });
    const stranger = await harness.connect(helloOf('agent', tokenOf({ pipeline_id: '1002' })));
    await refusal(stranger);
    expect(JSON.stringify(stranger.received)).not.toContain(own);
  });

  it('serves only its own pipeline if it is part of one, even for clients that ask for its session', async () => {
    harness = await start({ own: tokenOf({ job_id: '1' }) });
    const other = helloOf('main', tokenOf({ pipeline_id: '1002' }), { sessionId: '42-1002' });
    expect(await refusal(await harness.connect(other))).toMatchObject({
      code: 'DTE_ID_TOKEN_REFUSED',
      message: containing('belongs to pipeline 1002, this job to pipeline 1001'),
    });
    expect(harness.coordinator.sessions()).toEqual([]);
  });

  it('does not start with an id token of its own that it would reject', async () => {
    harness = await start();
    const own = gitlab.idToken({ ...claimsOf(), iss: 'https://gitlab.example' });
    await expect(start({ own })).rejects.toMatchObject({ code: 'DTE_BAD_CONFIG' });
    await expect(start({ own: 'nonsense' })).rejects.toMatchObject({ code: 'DTE_ID_TOKEN_REFUSED' });
  });

  it('tells a client to retry while the keys cannot be fetched, and records no rejection', async () => {
    harness = await start({ own: tokenOf({ job_id: '1' }) });
    gitlab.failNext(503);
    const client = await harness.connect(helloOf('agent', tokenOf()));
    expect(await client.next('error')).toMatchObject({
      fatal: false,
      reason: { code: 'DTE_ISSUER_UNAVAILABLE', message: containing('status 503') },
    });
    const main = await harness.connect(helloOf('main', tokenOf()));
    expect((await main.next('session.info')).refused).toEqual([]);
  });

  it('names sessions as their members do, everywhere', async () => {
    harness = await start();
    const main = await harness.connect(helloOf('main', tokenOf()));
    expect(await main.next('session.info')).toMatchObject({ sessionId: SESSION });
    expect(harness.coordinator.sessions()).toMatchObject([{ sessionId: SESSION }]);
    const path = HTTP.run('no-such-run');
    const { text } = await httpCall(harness.url, { path, token: main.token });
    expect(text).toContain(`Session ${SESSION} has no run`);
  });

  it('continues its sessions after a restart', async () => {
    harness = await start();
    const main = await harness.connect(helloOf('main', tokenOf()));
    await harness.submit(main, runSpec('r1', [taskSpec('app:build')]));
    await harness.coordinator.close();
    await harness.startCoordinator();
    const agent = await harness.connect(helloOf('agent', tokenOf(), { slots: 1 }));
    agent.send(agentSync(1));
    await agent.next('agent.wanted', ({ assignments }) => assignments.length === 1);
  });
});

describe('a client whose id token has expired', () => {
  const client = { clientId: 'agent-1', name: 'agent 1' };
  let sessionToken: string;

  beforeEach(async () => {
    harness = await start({ limits: { tokenMs: 7_200_000 } });
    sessionToken = (await harness.connect(helloOf('agent', tokenOf({}, 60), client))).token;
    nowMs += 600_000;
  });

  const back = (overrides: Partial<Hello>): Promise<RawClient> =>
    harness.connect(helloOf('agent', null, { ...client, sessionToken, ...overrides }));

  it('reconnects with the token of its first welcome, and gets a new one', async () => {
    const again = await back({});
    expect(again.token).not.toBe(sessionToken);
    expect(await harness.ask(again)).toBe(200);
  });

  const misuses: [string, Partial<Hello>][] = [
    ['into another session', { sessionId: '42-1002' }],
    ['into another environment of its pipeline', { sessionId: '42-1001-windows' }],
    ['as another role', { role: 'main' }],
    ['as another client', { clientId: 'agent-2' }],
    ['with the token changed', { sessionToken: 'WyI0Mi0xMDAxIl0.c2lnbmF0dXJl' }],
  ];
  it.each(misuses)('does not reconnect %s with it', async (_, overrides) => {
    expect(await refusal(await back(overrides))).toMatchObject({ code: 'DTE_ID_TOKEN_REFUSED' });
  });

  it('is rejected if that token has expired as well', async () => {
    nowMs += 7_200_000;
    expect(await refusal(await back({}))).toMatchObject({ code: 'DTE_ID_TOKEN_REFUSED' });
  });

  it('is accepted by its id token if the other one is from an earlier coordinator', async () => {
    const again = await back({ idToken: tokenOf(), sessionToken: 'WyI0Mi0xMDAxIl0.c2lnbmF0dXJl' });
    await again.next('welcome');
  });
});

describe('a secret in addition to id tokens, over TLS', () => {
  beforeEach(async () => {
    harness = await start({ secret: SECRET, tls: true });
  });

  it('is proven by both sides for this connection', async () => {
    expect(harness.url).toMatch(/^https:/);
    const client = await harness.connect(helloOf('agent', tokenOf()));
    expect(client.channel).toMatch(/^[0-9a-f]{64}$/);
    expect(await client.next('challenge')).toMatchObject({ channelBinding: 'tls-exporter' });
    await client.next('welcome');
  });

  it('is rejected if the proof is not bound', async () => {
    const hello = helloOf('agent', tokenOf(), { channelBinding: 'none' });
    expect(await refusal(await harness.connect(hello))).toMatchObject({
      code: 'DTE_BAD_SECRET',
      message: containing('did not bind its proof'),
    });
  });

  it('is rejected from an attacker in the middle who relays a proof for its own connection', async () => {
    const hello = helloOf('agent', tokenOf(), { channelBinding: 'tls-exporter' });
    const client = await harness.rawClient();
    const challenge = await client.next('challenge');
    client.send(signHello(hello, challenge, SECRET, 'ab'.repeat(32)));
    expect(await refusal(client)).toMatchObject({ code: 'DTE_BAD_SECRET' });
  });

  it('is rejected together with another id token than it was proven for', async () => {
    const hello = helloOf('agent', tokenOf(), { channelBinding: 'tls-exporter' });
    const client = await harness.rawClient();
    const challenge = await client.next('challenge');
    const signed = signHello(hello, challenge, SECRET, client.channel!);
    client.send({ ...signed, idToken: tokenOf({ job_id: '8' }) });
    expect(await refusal(client)).toMatchObject({ code: 'DTE_BAD_SECRET' });
  });

  it('is rejected with a hint about a proxy if the proof is bound and the socket is plain', async () => {
    await harness.cleanUp();
    harness = await start({ secret: SECRET });
    const hello = helloOf('agent', tokenOf(), { channelBinding: 'tls-exporter' });
    expect(await refusal(await harness.connect(hello))).toMatchObject({
      message: containing('does not end at the coordinator'),
    });
  });

  it('presents the published key, accepts only TLS 1.3, and serves HTTP there', async () => {
    const tls = createCoordinatorCertificate();
    await harness.coordinator.close();
    await harness.startCoordinator({ tls });
    const client = await harness.connect(helloOf('agent', tokenOf(), { clientId: 'a2' }));
    const below: unknown = Reflect.get(client.socket, '_socket');
    if (!(below instanceof TLSSocket)) throw new Error('The connection is not TLS.');
    expect(pinOf(below.getPeerX509Certificate()!)).toBe(tls.pin);
    expect(below.getProtocol()).toBe('TLSv1.3');
    expect(await harness.ask(client)).toBe(200);
    const old = await RawClient.connect(harness.url, { maxVersion: 'TLSv1.2' });
    expect(old.closed).not.toBeNull();
  });
});

describe('a standalone coordinator with two instances, whose projects have the same numbers', () => {
  let other: FakeGitlab;
  let here: RawClient;
  let there: RawClient;
  const thereToken = (): string => other.idToken(claimsOf());

  beforeEach(async () => {
    other = await startFakeGitlab({ projects: [], now: () => nowMs });
    const issuers = [gitlab.issuer, other.issuer];
    harness = await Harness.start({ idTokens: { issuers, audience: 'dte' } });
    here = await harness.connect(helloOf('main', tokenOf()));
    there = await harness.connect(helloOf('main', thereToken()));
    await harness.submit(here, runSpec('r1', [taskSpec('app:build')]));
  });
  afterEach(() => other.close());

  it('assigns the work of one instance to no agent of the other', async () => {
    const agentThere = await harness.connect(helloOf('agent', thereToken(), { slots: 1 }));
    const agentHere = await harness.connect(helloOf('agent', tokenOf(), { slots: 1 }));
    agentThere.send(agentSync(1));
    agentHere.send(agentSync(1));
    await agentHere.next('agent.wanted', ({ assignments }) => assignments.length === 1);
    await harness.submit(there, runSpec('r2', [taskSpec('lib:build')]));
    await agentThere.next('agent.wanted', ({ assignments }) => assignments.length === 1);
    const given = agentThere.all('agent.wanted').flatMap(({ assignments }) => assignments);
    expect(given).toMatchObject([{ runId: 'r2', taskId: 'lib:build' }]);
  });

  it("ignores reports of one instance's agent about runs of the other", async () => {
    const agentHere = await harness.connect(helloOf('agent', tokenOf(), { slots: 1 }));
    agentHere.send(agentSync(1));
    await agentHere.next('agent.wanted', ({ assignments }) => assignments.length === 1);
    const agentThere = await harness.connect(helloOf('agent', thereToken(), { slots: 1 }));
    await harness.putCache(agentThere, 'forged', 'x');
    agentThere.send({ type: 'agent.output', ...OUTPUT, data: 'forged' });
    agentThere.send(agentSync(1, [completed('r1', 'app:build', success('forged'))]));
    await agentThere.next('agent.wanted', ({ seq }) => seq >= 1);
    await harness.putCache(agentHere, 'hash-app-build', 'outputs');
    agentHere.send(agentSync(2, [completed('r1', 'app:build', success('hash-app-build'))]));
    const update = await here.next('run.update', ({ state }) => state === 'finished');
    expect(JSON.stringify(update)).not.toContain('forged');
    expect(here.all('run.output')).toEqual([]);
  });

  it('lets a main job of one instance neither follow nor cancel runs of the other', async () => {
    there.send({ type: 'main.sync', runId: 'r1', ackSeq: 0, want: 'cancel' });
    expect(await there.next('error')).toMatchObject({ fatal: false, reason: { code: 'DTE_UNKNOWN_RUN' } });
    const status = await httpCall(harness.url, { path: HTTP.sessionStatus, token: here.token });
    expect(JSON.parse(status.text)).toMatchObject({ runs: [{ runId: 'r1', state: 'running' }] });
  });

  it('tells one instance nothing about agents or rejected clients of the other', async () => {
    const agent = await harness.connect(helloOf('agent', tokenOf(), { name: 'agent here' }));
    agent.send(agentSync(1));
    await here.next('session.info', ({ agents }) => agents.length === 1);
    await refusal(await harness.connect(helloOf('agent', null, { name: 'nobody' })));
    await refusal(
      await harness.connect(helloOf('agent', tokenOf({ project_id: '43' }), { name: 'other project' })),
    );
    const differing = helloOf('agent', tokenOf(), { name: 'other nx' });
    const nx = { ...differing, identity: { ...differing.identity, nxVersion: '1.0.0' } };
    await refusal(await harness.connect(nx));
    const info = await here.next('session.info', ({ refused }) => refused.length > 0);
    expect(info.refused.map(({ name }) => name)).toEqual(['other nx']);
    expect(there.all('session.info').flatMap(({ agents, refused }) => [...agents, ...refused])).toEqual([]);
    expect(agent.closed).toBeNull();
  });

  it('reports the end of a session to its owner with the name that its members know', async () => {
    const finished: string[] = [];
    const idTokens = { issuers: [gitlab.issuer, other.issuer], audience: 'dte' };
    await harness.coordinator.close();
    await harness.startCoordinator({ idTokens, onSessionFinished: (sessionId) => finished.push(sessionId) });
    const main = await harness.connect(helloOf('main', thereToken()));
    await httpCall(harness.url, { method: 'POST', path: HTTP.sessionComplete, token: main.token, body: '' });
    await main.kill();
    const deadline = Date.now() + 4_000;
    while (finished.length === 0 && Date.now() < deadline)
      await new Promise((resolve) => setImmediate(resolve));
    expect(finished).toEqual([SESSION]);
  });
});
