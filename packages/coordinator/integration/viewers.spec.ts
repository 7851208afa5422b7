import { sessionKey } from '@org/dte-identity';
import { HTTP } from '@org/dte-protocol';
import {
  type FakeGitlab,
  type FakeUser,
  type HttpAnswer,
  httpCall,
  type RawClient,
  type SignInFault,
  startFakeGitlab,
  TEST_COMMIT,
} from '@org/dte-testing';
import { createLog } from '../src';
import { Harness } from './support/harness';

const MODEL = HTTP.sessionModel('s1');

describe('the live report for people', () => {
  let harness: Harness;
  afterEach(() => harness.cleanUp());

  const open = async (main: RawClient): Promise<{ page: string; token: string }> => {
    const answer = await httpCall(harness.url, { method: 'POST', path: HTTP.viewLink, token: main.token });
    const [page = '', token = ''] = (JSON.parse(answer.text) as { path: string }).path.split('#');
    return { page, token };
  };
  const enter = (id: string, token: string, headers: Record<string, string> = {}) =>
    httpCall(harness.url, {
      method: 'POST',
      path: `/ui/${id}/enter`,
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ token }),
    });
  const cookieIn = ({ headers }: HttpAnswer): string =>
    /dte_viewer=[^;]*/.exec(headers['set-cookie']?.at(-1) ?? '')?.[0] ?? '';
  const get = (path: string, cookie?: string, headers: Record<string, string> = {}) =>
    httpCall(harness.url, { path, headers: { ...(cookie === undefined ? {} : { cookie }), ...headers } });

  it('the link of the log opens the page of its session and no other, until it expires', async () => {
    let nowMs = Date.now();
    harness = await Harness.start({ now: () => nowMs, limits: { viewLinkMs: 60_000 } });
    const main = await harness.main();
    const other = await harness.main({ sessionId: 's2', clientId: 'main-2' });
    const { page, token } = await open(main);
    expect(page).toBe('/ui/s1/open');
    expect((await get(page)).text).toContain('location.hash');
    // The page is the same whether there is such a session or not, and shows nothing.
    expect([(await get('/ui/s1/')).status, (await get('/ui/nobody/')).status]).toEqual([401, 401]);
    const answer = await enter('s1', token);
    expect(answer.status).toBe(204);
    expect(answer.headers['set-cookie']).toEqual([
      expect.stringMatching(/^dte_viewer=[^;]+; Path=\/ui\/s1; SameSite=Lax; Max-Age=60; HttpOnly$/),
      expect.stringMatching(
        /^dte_viewer=[^;]+; Path=\/v1\/sessions\/s1; SameSite=Strict; Max-Age=60; HttpOnly$/,
      ),
    ]);
    const cookie = cookieIn(answer);
    const shown = await get('/ui/s1/', cookie);
    expect([shown.status, shown.text.includes('/v1/sessions/s1/model')]).toEqual([200, true]);
    expect((await get(MODEL, cookie)).status).toBe(200);
    // Another session, another endpoint, other credentials.
    expect((await get('/ui/s2/', cookie)).status).toBe(401);
    expect((await get(HTTP.sessionModel('s2'), cookie)).status).toBe(401);
    expect((await get(HTTP.sessionStatus, cookie)).status).toBe(401);
    expect((await enter('s2', token)).status).toBe(401);
    expect((await enter('s1', main.token)).status).toBe(401);
    expect((await enter('s1', (await open(other)).token)).status).toBe(401);
    expect((await enter('s1', `${token}x`)).status).toBe(401);
    nowMs += 60_001;
    expect([(await enter('s1', token)).status, (await get('/ui/s1/', cookie)).status]).toEqual([401, 401]);
    expect((await get(MODEL, cookie)).status).toBe(401);
  });

  it('is no use to other sites: no frames, no foreign requests, no other name, nothing loaded from elsewhere', async () => {
    harness = await Harness.start({ publicUrl: 'https://dte.example.com' });
    const { token } = await open(await harness.main());
    const cookie = cookieIn(await enter('s1', token));
    for (const path of ['/ui/', '/ui/s1/open', '/ui/s1/']) {
      const { headers } = await get(path, cookie);
      const policy = String(headers['content-security-policy']);
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toContain('unsafe');
      expect(headers).toMatchObject({
        'x-frame-options': 'DENY',
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-store',
      });
    }
    expect((await enter('s1', token)).headers['set-cookie']?.every((each) => each.includes('; Secure'))).toBe(
      true,
    );
    for (const headers of [
      { origin: 'https://evil.example' },
      { 'sec-fetch-site': 'cross-site' },
      { 'content-type': 'text/plain' },
    ] as Record<string, string>[])
      expect((await enter('s1', token, headers)).status).toBe(401);
    // A name of somebody else that was made to lead here.
    const rebound = { host: 'evil.example' };
    expect((await get('/ui/s1/', cookie, rebound)).status).toBe(401);
    expect((await get(MODEL, cookie, rebound)).status).toBe(401);
    expect((await get(MODEL, cookie, { host: 'dte.example.com' })).status).toBe(200);
  });

  it('keeps what gives access out of the log', async () => {
    const lines: string[] = [];
    const logger = createLog('debug', (line) => void lines.push(line));
    harness = await Harness.start({
      logger,
      idTokens: { issuers: ['http://127.0.0.1:9'], audience: 'dte' },
      publicUrl: 'http://127.0.0.1',
      signIn: { issuer: 'http://127.0.0.1:9', clientId: 'c', clientSecret: 'app-secret' },
    });
    await enter('s1', 'a-credential');
    await get('/ui/callback?code=a-code&state=a-state');
    await get(`${MODEL}?token=a-credential`, 'dte_viewer=a-credential');
    const text = lines.join('');
    for (const secret of ['a-credential', 'a-code', 'a-state', 'app-secret'])
      expect(text).not.toContain(secret);
  });

  describe('who sign in with GitLab', () => {
    let gitlab: FakeGitlab;
    let id: string;
    let nowMs: number;
    const claims = { project_id: '42', pipeline_id: '1001', job_id: '7', sha: TEST_COMMIT };
    beforeAll(async () => {
      gitlab = await startFakeGitlab({ projects: [], now: () => nowMs });
    });
    afterAll(() => gitlab.close());
    beforeEach(async () => {
      nowMs = Date.now();
      gitlab.signIn.fault = {};
      const config = { issuer: gitlab.issuer, clientId: 'dte-app', clientSecret: 'app-secret' };
      harness = await Harness.start({
        idTokens: { issuers: [gitlab.issuer], audience: 'dte' },
        publicUrl: 'http://dte.example.com',
        signIn: config,
        now: () => nowMs,
      });
      gitlab.signIn.register({ ...config, redirectUri: 'http://dte.example.com/ui/callback' });
      await harness.main({ sessionId: '42-1001', idToken: gitlab.idToken(claims) });
      id = sessionKey(gitlab.issuer, '42-1001');
    });

    interface Trip {
      readonly user?: Partial<FakeUser>;
      readonly session?: string;
      /** Between the way there and the way back. */
      readonly change?: (back: URL, cookie: string) => string;
    }
    /** The way of a browser: to GitLab, and back with its cookie. */
    async function signIn({
      user = {},
      session = id,
      change = (_, cookie) => cookie,
    }: Trip): Promise<HttpAnswer> {
      gitlab.signIn.as({ id: 5, members: { 42: 20 }, ...user });
      const begun = await get(`/ui/${session}/sign-in`);
      if (begun.status !== 303) return begun;
      const cookie = begun.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
      const there = new URL(begun.headers.location ?? '');
      const agreed = await httpCall(gitlab.url, { path: `${there.pathname}${there.search}` });
      const back = new URL(agreed.headers.location ?? '');
      const changed = change(back, cookie);
      return get(`${back.pathname}${back.search}`, changed);
    }

    it('a member of the project sees the report, and nothing of other sessions', async () => {
      const answer = await signIn({});
      expect([answer.status, answer.text.includes(`/ui/${id}/`)]).toEqual([200, true]);
      const cookie = cookieIn(answer);
      expect((await get(`/ui/${id}/`, cookie)).status).toBe(200);
      expect((await get(HTTP.sessionModel(id), cookie)).status).toBe(200);
      await harness.main({
        sessionId: '42-1002',
        idToken: gitlab.idToken({ ...claims, pipeline_id: '1002' }),
      });
      expect((await get(HTTP.sessionModel(sessionKey(gitlab.issuer, '42-1002')), cookie)).status).toBe(401);
      nowMs += 3_600_001;
      expect((await get(HTTP.sessionModel(id), cookie)).status).toBe(401);
    });

    const strangers: [string, Trip][] = [
      ['is no member', { user: { members: {} } }],
      ['is a member of another project', { user: { members: { 43: 50 } } }],
      ['is a guest', { user: { members: { 42: 10 } } }],
      ['is blocked', { user: { state: 'blocked' } }],
      ['signs in for a session of no project', { session: 'local' }],
      ['signs in for a session of another instance', { session: 'i00000000.42-1001' }],
      ['comes back without the cookie', { change: () => 'dte_viewer=x' }],
      ['comes back with another cookie', { change: (_, cookie) => cookie.replace('1001', '1002') }],
      [
        'comes back with the state of another',
        { change: (back, cookie) => (back.searchParams.set('state', 'x'), cookie) },
      ],
      [
        'comes back with the code of another',
        { change: (back, cookie) => (back.searchParams.set('code', 'x'), cookie) },
      ],
      ['has not agreed', { change: (back, cookie) => (back.searchParams.delete('code'), cookie) }],
      ['comes back too late', { change: (_, cookie) => ((nowMs += 600_001), cookie) }],
    ];
    it.each(strangers)('nobody who %s', async (_, trip) => {
      const answer = await signIn(trip);
      expect([answer.status, cookieIn(answer)]).toEqual([403, '']);
      expect(answer.text).toContain('You are not signed in');
    });

    const faults: [string, SignInFault][] = [
      ['of another application', { claims: { aud: 'another' } }],
      ['made for another application', { claims: { azp: 'another' } }],
      ['of another instance', { claims: { iss: 'https://gitlab.evil.example' } }],
      ['that has expired', { claims: { exp: 1 } }],
      ['of another sign-in', { claims: { nonce: 'another' } }],
      ['without a nonce', { claims: { nonce: undefined } }],
      ['without a user', { claims: { sub: undefined } }],
      ['of a user that is a path', { claims: { sub: '../../users/1' } }],
      ['that nobody has signed', { alg: 'none' }],
      ['signed with the public key as a secret', { alg: 'HS256' }],
    ];
    it.each(faults)('nobody with an id token %s', async (_, fault) => {
      gitlab.signIn.fault = fault;
      const answer = await signIn({});
      expect([answer.status, cookieIn(answer)]).toEqual([403, '']);
    });

    it('a code is not used again, and where GitLab does not say who is a member, nobody is', async () => {
      let used = '';
      expect(
        (await signIn({ change: (back, cookie) => ((used = `${back.pathname}${back.search}`), cookie) }))
          .status,
      ).toBe(200);
      expect((await get(used)).status).toBe(403);
      gitlab.failNext(500, { path: '/members/' });
      expect((await signIn({})).status).toBe(403);
    });
  });
});
