import { HTTP } from '@org/dte-protocol';
import { httpCall, type RawClient } from '@org/dte-testing';
import { TokenIssuer } from '../src/auth/token';
import { ATTEMPT, ENDPOINTS, RUN } from './support/endpoints';
import { Harness, containing } from './support/harness';

describe.each(ENDPOINTS)('%s %s', (method, ofSession, body, answers) => {
  const path = ofSession.replace('42-1001', 's1');
  let harness: Harness;
  let tokens: Record<keyof typeof answers, string>;

  beforeEach(async () => {
    harness = await Harness.start();
    const main = await harness.main();
    await harness.submit(main, RUN);
    await harness.putCache(main, 'held', 'content');
    for (const supplied of [HTTP.terminal('held'), ATTEMPT])
      await httpCall(harness.url, { method: 'PUT', path: supplied, token: main.token, body: 'content' });
    const tokenOf = (client: RawClient): string => client.token;
    const agent = await harness.agent('agent 1');
    await agent.next('agent.wanted');
    const link = await httpCall(harness.url, { method: 'POST', path: HTTP.viewLink, token: main.token });
    tokens = {
      main: tokenOf(main),
      agent: tokenOf(agent),
      observer: tokenOf(await harness.connect({ role: 'observer' })),
      viewer: (JSON.parse(link.text) as { path: string }).path.split('#')[1]!,
      other: tokenOf(await harness.main({ sessionId: 's2', clientId: 'main-2' })),
    };
  });
  afterEach(() => harness.cleanUp());

  const ask = (token?: string) =>
    httpCall(harness.url, {
      method,
      path,
      ...(body === null ? {} : { body }),
      ...(token === undefined ? {} : { token }),
    });

  it.each(Object.entries(answers))(`answers role %s with %i`, async (role, status) => {
    const answer = await ask(tokens[role as keyof typeof tokens]);
    expect(answer.status).toBe(status);
    if (status === 403) expect(answer.code).toBe('DTE_UNAUTHORIZED');
  });

  if (path !== HTTP.health && path !== HTTP.ready) {
    it('answers 401 without a token, and with one that is altered, foreign, expired or of a removed session', async () => {
      const foreign = new TokenIssuer(Buffer.alloc(32), Date.now);
      const claims = {
        sessionId: 's1',
        role: 'main',
        clientId: 'main-1',
        expiresAtMs: Date.now() + 1_000_000,
        grant: null,
      } as const;
      const [payload, signature] = tokens.main.split('.');
      const raised = Buffer.from(JSON.stringify(['s1', 'main', 'agent-1', 9e15])).toString('base64url');
      const bad = [
        undefined,
        'nonsense',
        `${payload}.`,
        `${payload}.${signature}x`,
        `${raised}.${signature}`,
        foreign.issue(claims),
      ];
      for (const token of bad) {
        const answer = await ask(token);
        expect(answer).toMatchObject({ status: 401, code: 'DTE_UNAUTHORIZED' });
        expect(answer.headers['content-type']).toMatch(/^text\/plain/);
      }
    });
  }
});

it('a token expires', async () => {
  let nowMs = Date.now();
  const harness = await Harness.start({ now: () => nowMs, limits: { tokenMs: 1_000 } });
  const main = await harness.main();
  const ask = () => httpCall(harness.url, { path: HTTP.sessionStatus, token: main.token });
  expect(await ask()).toMatchObject({ status: 200 });
  nowMs += 1_001;
  expect(await ask()).toMatchObject({ status: 401, text: containing('expired') });
  await harness.cleanUp();
});
