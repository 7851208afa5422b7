import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Hello, HTTP } from '@org/dte-protocol';
import {
  exampleHello,
  type FakeGitlab,
  httpCall,
  RawClient,
  signHello,
  startFakeGitlab,
} from '@org/dte-testing';
import { containing, Harness } from './support/harness';
import { claimsOf, SECRET } from './support/pipelines';

const JOB_URL = 'https://gitlab.example.com/group/project/-/jobs/7';
const refusedAs = async (client: RawClient) => (await client.next('error')).reason;

describe('a coordinator with only a secret that other machines can reach', () => {
  let harness: Harness;
  beforeEach(async () => {
    harness = await Harness.start({ secret: SECRET, host: '0.0.0.0' });
  });
  afterEach(() => harness.cleanUp());

  const enter = (sessionId: string, overrides: Partial<Hello> = {}): Promise<RawClient> =>
    harness.connect({ role: 'main', sessionId, slots: null, ...overrides });

  const ofGitlab: [string, string, Partial<Hello>][] = [
    ['whose session is named as GitLab names them', '1-200', {}],
    ['of another environment of a pipeline', '1-200-windows', {}],
    ['that says where its log is', 'nightly', { jobUrl: JOB_URL }],
    ['that shows an id token', 'nightly', { idToken: 'e30.e30.x' }],
  ];
  it.each(ofGitlab)('rejects a GitLab job %s, main job and agent alike', async (_, sessionId, claims) => {
    for (const role of ['main', 'agent', 'observer'] as const) {
      const reason = await refusedAs(await enter(sessionId, { role, ...claims }));
      expect(reason).toMatchObject({ code: 'DTE_SHARED_TRUST', message: containing(sessionId) });
      // If only the name suggests GitLab, it may be just a name.
      expect(reason.message.includes('DTE_SESSION_ID')).toBe(Object.keys(claims).length === 0);
    }
    expect(harness.coordinator.sessions()).toEqual([]);
    expect(await readdir(join(harness.dataDir, 'sessions'))).toEqual([]);
  });

  it('serves only the first project that connects, also after a restart', async () => {
    await (await enter('shop-17')).next('welcome');
    await (await enter('shop-18')).next('welcome');
    expect(await refusedAs(await enter('bank-17'))).toMatchObject({
      code: 'DTE_SHARED_TRUST',
      message: containing('"shop"'),
    });
    await harness.coordinator.close();
    await harness.startCoordinator();
    expect(await refusedAs(await enter('bank-17'))).toMatchObject({ code: 'DTE_SHARED_TRUST' });
    await (await enter('shop-19')).next('welcome');
  });

  it('accepts one of two projects that connect at the same time', async () => {
    const clients = await Promise.all(['shop-1', 'bank-1'].map((sessionId) => enter(sessionId)));
    expect(clients.flatMap((client) => client.all('welcome'))).toHaveLength(1);
    expect(clients.flatMap((client) => client.all('error'))).toMatchObject([
      { reason: { code: 'DTE_SHARED_TRUST' } },
    ]);
  });

  it('is not claimed by a client that does not know the secret', async () => {
    const stranger = await harness.connect({ role: 'main', sessionId: 'bank-1' }, 'wrong');
    expect(await refusedAs(stranger)).toMatchObject({ code: 'DTE_BAD_SECRET' });
    await (await enter('shop-1')).next('welcome');
  });

  it('serves every holder of the secret with shared trust', async () => {
    await harness.coordinator.close();
    await harness.startCoordinator({ sharedTrust: true });
    for (const sessionId of ['1-200', '2-100', 'shop-1'])
      await (await enter(sessionId, { jobUrl: JOB_URL })).next('welcome');
  });
});

it('a local coordinator serves its sessions, but not clients behind a proxy', async () => {
  const harness = await Harness.start({ secret: SECRET });
  try {
    await (await harness.connect({ role: 'main', sessionId: '1-200' })).next('welcome');
    await (await harness.connect({ role: 'main', sessionId: 'shop-1' })).next('welcome');
    const headers = { 'x-forwarded-for': '10.0.0.9' };
    const far = await RawClient.connect(harness.url, { headers });
    const hello = exampleHello({ role: 'main', sessionId: '1-200' });
    far.send(signHello(hello, await far.next('challenge'), SECRET));
    expect(await refusedAs(far)).toMatchObject({ code: 'DTE_SHARED_TRUST' });
    far.socket.terminate();
  } finally {
    await harness.cleanUp();
  }
});

it('a coordinator that is part of one session serves no other', async () => {
  const harness = await Harness.start({ session: 'shop-1' });
  try {
    await (await harness.connect({ role: 'main', sessionId: 'shop-1' })).next('welcome');
    expect(await refusedAs(await harness.connect({ role: 'main', sessionId: 'shop-2' }))).toMatchObject({
      code: 'DTE_UNAUTHORIZED',
      message: containing('serves only session shop-1'),
    });
  } finally {
    await harness.cleanUp();
  }
});

describe('with issuers, a job of pipeline 100 that tries to pass its file to main in pipeline 200', () => {
  let gitlab: FakeGitlab;
  let harness: Harness;
  const tokenOf = (pipeline: string): string => gitlab.idToken(claimsOf({ pipeline_id: pipeline }));
  const enter = (pipeline: string, overrides: Partial<Hello>): Promise<RawClient> =>
    harness.connect({ sessionId: `42-${pipeline}`, slots: null, ...overrides });

  beforeEach(async () => {
    gitlab = await startFakeGitlab({ projects: [] });
    const idTokens = { issuers: [gitlab.issuer], audience: 'dte' };
    harness = await Harness.start({ secret: SECRET, host: '0.0.0.0', idTokens });
  });
  afterEach(async () => {
    await harness.cleanUp();
    await gitlab.close();
  });

  it.each(['main', 'agent', 'observer'] as const)(
    'does not get in by naming that session, as %s',
    async (role) => {
      await (await enter('200', { role: 'main', idToken: tokenOf('200') })).next('welcome');
      const thief = await enter('200', { role, idToken: tokenOf('100') });
      expect(await refusedAs(thief)).toMatchObject({ code: 'DTE_ID_TOKEN_REFUSED' });
    },
  );

  it('is rejected with the token of its own welcome', async () => {
    const own = await enter('100', { role: 'main', clientId: 'm', idToken: tokenOf('100') });
    const thief = await enter('200', { role: 'main', clientId: 'm', sessionToken: own.token });
    expect(await refusedAs(thief)).toMatchObject({ code: 'DTE_ID_TOKEN_REFUSED' });
  });

  it('stores it under the same hash where main does not look', async () => {
    const main = await enter('200', { role: 'main', idToken: tokenOf('200') });
    const thief = await enter('100', { role: 'main', idToken: tokenOf('100') });
    expect(await harness.putCache(thief, 'wanted', 'poison')).toBe(200);
    const path = HTTP.cache('wanted');
    expect(await httpCall(harness.url, { path, token: main.token })).toMatchObject({ status: 404 });
    const question = { method: 'POST', path: HTTP.cacheQuestion, body: '{"hashes":["wanted"]}' };
    const { text } = await httpCall(harness.url, { ...question, token: main.token });
    expect(text).not.toContain('wanted');
    expect(await harness.putCache(main, 'wanted', 'good')).toBe(200);
    expect((await httpCall(harness.url, { path, token: main.token })).text).toBe('good');
  });
});
