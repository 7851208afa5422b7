import { type Hello, helloSchema } from '@org/dte-protocol';
import { exampleHello, signHello } from '@org/dte-testing';
import { Harness } from './support/harness';
import { SECRET } from './support/pipelines';

/** A hello with every field, and a tampered version of each field, as an attacker on a plain connection could make it. */
const FULL: Hello = exampleHello({
  idToken: 'e30.e30.x',
  sessionToken: 'a.b',
  channelBinding: 'none',
  capacity: { cpus: 4, memoryBytes: 8e9 },
  onlyRun: 'r1',
  labels: ['linux'],
  spare: 1,
  jobUrl: 'https://gitlab.example.com/-/jobs/1',
});
const CHANGES: Record<Exclude<keyof Hello, 'type' | 'proof' | 'protocolVersion'>, unknown> = {
  role: 'main',
  sessionId: 's2',
  clientId: 'another',
  name: 'another',
  jobUrl: 'https://evil.example/-/jobs/1',
  clientNonce: 'ab'.repeat(32),
  idToken: 'e30.e30.y',
  sessionToken: 'c.d',
  channelBinding: 'tls-exporter',
  identity: { ...FULL.identity, commit: 'f'.repeat(40) },
  slots: 64,
  labels: ['linux', 'protected'],
  capacity: { cpus: 64, memoryBytes: 1 },
  onlyRun: 'r2',
  spare: 0,
};

let harness: Harness;
beforeAll(async () => {
  harness = await Harness.start({ secret: SECRET, sharedTrust: true });
});
afterAll(() => harness.cleanUp());

it('the table has every field of a hello', () => {
  const signed = Object.keys(helloSchema.shape).filter(
    (key) => !['type', 'proof', 'protocolVersion'].includes(key),
  );
  expect(Object.keys(CHANGES).sort()).toEqual(signed.sort());
});

describe.each(Object.entries(CHANGES))('a hello whose %s is changed in transit', (field, value) => {
  it.each([
    ['changed', value],
    ['taken away', undefined],
  ])('is not taken when it was %s after the proof was made', async (_, after) => {
    const client = await harness.rawClient();
    const signed = signHello(FULL, await client.next('challenge'), SECRET);
    client.send({ ...signed, [field]: after });
    const { reason } = await client.next('error');
    // A missing required field makes it malformed. It is never welcome.
    expect(['DTE_BAD_SECRET', 'DTE_MALFORMED_MESSAGE']).toContain(reason.code);
    if (after !== undefined) expect(reason.code).toBe('DTE_BAD_SECRET');
    await client.whenClosed();
    expect(client.all('welcome')).toEqual([]);
  });
});

it('is accepted unchanged', async () => {
  const client = await harness.rawClient();
  client.send(signHello(FULL, await client.next('challenge'), SECRET));
  await client.next('welcome');
});

it('is rejected with an error that the client can trust after the coordinator has authenticated', async () => {
  const mains = await harness.main({ sessionId: 's3' });
  await mains.next('welcome');
  const identity = { ...exampleHello().identity, nxVersion: '1.0.0' };
  const agent = await harness.agent('agent 1', { sessionId: 's3', identity });
  const proven = await agent.next('error');
  expect(proven).toMatchObject({ reason: { code: 'DTE_NX_VERSION_MISMATCH' } });
  expect(Reflect.get(proven, 'proof')).toMatch(/^[0-9a-f]{64}$/);
  const stranger = await harness.connect({ sessionId: 's3' }, 'wrong');
  // Unauthenticated clients must get nothing to test secrets against.
  expect(Reflect.get(await stranger.next('error'), 'proof')).toBeUndefined();
});
