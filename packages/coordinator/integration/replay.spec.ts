import { createCoordinatorCertificate } from '@org/dte-identity';
import { type Hello, HTTP } from '@org/dte-protocol';
import { exampleHello, httpCall, type RawClient, signHello } from '@org/dte-testing';
import { Harness } from './support/harness';
import { SECRET } from './support/pipelines';

let harness: Harness;
afterEach(() => harness.cleanUp());

describe.each([
  ['plain', {}],
  ['with TLS', { tls: createCoordinatorCertificate() }],
])('a handshake that somebody has recorded (%s)', (_, options) => {
  beforeEach(async () => {
    harness = await Harness.start({ secret: SECRET, sharedTrust: true, ...options });
  });

  /** What a client that knows the secret says on a connection of its own. */
  async function signedOn(client: RawClient): Promise<Hello> {
    const { channel } = client;
    const hello = exampleHello({ channelBinding: channel === null ? 'none' : 'tls-exporter' });
    return signHello(hello, await client.next('challenge'), SECRET, channel ?? undefined);
  }

  it('is good on its own connection', async () => {
    const client = await harness.rawClient();
    client.send(await signedOn(client));
    await client.next('welcome');
  });

  it('is refused on another connection, at the same time and later', async () => {
    const [first, second] = [await harness.rawClient(), await harness.rawClient()];
    const recorded = await signedOn(first);
    await second.next('challenge');
    second.send(recorded);
    expect(await second.next('error')).toMatchObject({ fatal: true, reason: { code: 'DTE_BAD_SECRET' } });
    first.send(recorded);
    await first.next('welcome');
    await first.kill();
    const third = await harness.rawClient();
    await third.next('challenge');
    third.send(recorded);
    expect(await third.next('error')).toMatchObject({ reason: { code: 'DTE_BAD_SECRET' } });
    expect([...second.all('welcome'), ...third.all('welcome')]).toEqual([]);
  });

  it('is refused after a restart of the coordinator', async () => {
    const first = await harness.rawClient();
    const recorded = await signedOn(first);
    await first.kill();
    await harness.coordinator.close();
    await harness.startCoordinator();
    const again = await harness.rawClient();
    await again.next('challenge');
    again.send(recorded);
    expect(await again.next('error')).toMatchObject({ reason: { code: 'DTE_BAD_SECRET' } });
  });

  it('has another challenge each time', async () => {
    const nonces = new Set<string>();
    for (let count = 0; count < 20; count++)
      nonces.add((await (await harness.rawClient()).next('challenge')).serverNonce);
    expect(nonces.size).toBe(20);
  });
});

describe('failed handshakes of one address', () => {
  const limits = { failedHandshakesPerMinute: 3, failedHandshakeMs: 60_000 };
  const fail = (): Promise<RawClient> => harness.rawClient();
  const pong = (client: RawClient): Promise<unknown> => {
    const heard = new Promise((resolve) => client.socket.once('pong', resolve));
    client.socket.ping();
    return heard;
  };

  it('are answered at once a few times and then late, and keep nobody out who belongs here', async () => {
    harness = await Harness.start({ secret: SECRET, limits });
    const late: RawClient[] = [];
    for (let count = 1; count <= 6; count++) {
      const client = await fail();
      client.send(signHello(exampleHello(), await client.next('challenge'), 'wrong'));
      if (count <= limits.failedHandshakesPerMinute) await client.next('error');
      else late.push(client);
    }
    for (const client of late) await pong(client);
    expect(late.map(({ closed, received }) => [closed, received.length])).toEqual(late.map(() => [null, 1]));
    const agent = await harness.agent('agent 1');
    await agent.next('welcome');
    expect(await harness.ask(agent)).toBe(200);
  });

  it('are answered after their time, and what is said meanwhile is not heard', async () => {
    harness = await Harness.start({
      secret: SECRET,
      limits: { failedHandshakesPerMinute: 1, failedHandshakeMs: 200 },
    });
    const [first, second] = [await fail(), await fail()];
    first.send({ type: 'nonsense' });
    await first.next('error');
    const challenge = await second.next('challenge');
    const fromMs = performance.now();
    second.send({ type: 'nonsense' });
    second.send(signHello(exampleHello(), challenge, SECRET));
    expect(await second.next('error')).toMatchObject({ reason: { code: 'DTE_MALFORMED_MESSAGE' } });
    expect(performance.now() - fromMs).toBeGreaterThanOrEqual(190);
    expect(second.all('welcome')).toEqual([]);
    await second.whenClosed();
  });
});

it('a token of a restarted coordinator with another secret opens nothing', async () => {
  harness = await Harness.start({ secret: SECRET });
  const { token } = await harness.agent('agent 1');
  await harness.coordinator.close();
  await harness.startCoordinator({ secret: 'another' });
  const call = { method: 'POST', path: HTTP.cacheQuestion, token, body: '{"hashes":[]}' };
  expect(await httpCall(harness.url, call)).toMatchObject({ status: 401, code: 'DTE_UNAUTHORIZED' });
});
