import { createPublicKey, verify, type JsonWebKey } from 'node:crypto';
import { startFakeGitlab, type FakeGitlab, type FakeProject } from '.';

const PACKAGES = '/projects/7/packages';
const GENERIC = `${PACKAGES}/generic/dte-rendezvous/0.0.1001`;

describe('the fake GitLab', () => {
  let gitlab: FakeGitlab;
  const start = async (project: Partial<FakeProject> = {}): Promise<void> => {
    gitlab = await startFakeGitlab({ projects: [{ id: 7, ...project }, { id: 8 }] });
  };
  const call = (path: string, token?: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${gitlab.apiUrl}${path}`, {
      redirect: 'manual',
      ...init,
      headers: token === undefined ? {} : { 'job-token': token },
    });
  const put = (path: string, token: string, body: string): Promise<Response> =>
    call(path, token, { method: 'PUT', body });

  afterEach(() => gitlab.close());

  it('returns the newest of several files with one name', async () => {
    await start();
    const token = gitlab.jobToken(7, 1);
    expect((await put(`${GENERIC}/a.json`, token, 'first')).status).toBe(201);
    expect((await put(`${GENERIC}/a.json`, token, 'second')).status).toBe(201);
    expect(await (await call(`${GENERIC}/a.json`, token)).text()).toBe('second');
    expect(gitlab.packages()[0]?.files.map(({ content }) => content)).toEqual(['first', 'second']);
  });

  it('rejects a second file with the same name if the group rejects duplicates', async () => {
    await start({ duplicates: 'rejected' });
    const token = gitlab.jobToken(7, 1);
    await put(`${GENERIC}/a.json`, token, 'first');
    const second = await put(`${GENERIC}/a.json`, token, 'second');
    expect([second.status, await second.text()]).toEqual([
      400,
      expect.stringContaining('Duplicate package is not allowed'),
    ]);
  });

  it('distinguishes a missing file, a missing token, an invalid token, another project and a low role', async () => {
    await start();
    const statuses = await Promise.all([
      call(`${GENERIC}/a.json`, gitlab.jobToken(7, 1)),
      call(`${GENERIC}/a.json`),
      call(`${GENERIC}/a.json`, 'wrong'),
      call(`${GENERIC}/a.json`, gitlab.jobToken(8, 1)),
      put(`${GENERIC}/a.json`, gitlab.jobToken(7, 1, 'reporter'), 'x'),
    ]);
    expect(statuses.map(({ status }) => status)).toEqual([404, 404, 401, 404, 403]);
  });

  it('rejects the token of a job that has ended', async () => {
    await start();
    const token = gitlab.jobToken(7, 1);
    expect(await (await call('/job', token)).json()).toEqual({ id: 1, status: 'running' });
    gitlab.endJob(1);
    expect((await call(PACKAGES, token)).status).toBe(401);
    expect((await call('/job', token)).status).toBe(401);
  });

  it('rejects everybody if the package registry is off', async () => {
    await start({ packages: 'disabled' });
    expect((await put(`${GENERIC}/a.json`, gitlab.jobToken(7, 1), 'x')).status).toBe(403);
  });

  it('lists packages and their files, and lets only maintainers delete them', async () => {
    await start();
    const developer = gitlab.jobToken(7, 1);
    await put(`${GENERIC}/a.json`, developer, 'x');
    const listed = (await (await call(`${PACKAGES}?package_name=dte`, developer)).json()) as { id: number }[];
    const path = `${PACKAGES}/${listed[0]?.id}`;
    const files = await (await call(`${path}/package_files`, developer)).json();
    expect(files).toMatchObject([{ file_name: 'a.json', size: 1 }]);
    expect((await call(path, developer, { method: 'DELETE' })).status).toBe(403);
    expect((await call(path, gitlab.jobToken(7, 2, 'maintainer'), { method: 'DELETE' })).status).toBe(204);
    expect(gitlab.packages()).toEqual([]);
  });

  it('redirects downloads to object storage, which rejects a GitLab token', async () => {
    await start({ downloads: 'redirected' });
    const token = gitlab.jobToken(7, 1);
    await put(`${GENERIC}/a.json`, token, 'x');
    const location = (await call(`${GENERIC}/a.json`, token)).headers.get('location') ?? '';
    expect(await (await fetch(location)).text()).toBe('x');
    expect((await fetch(location, { headers: { 'job-token': token } })).status).toBe(400);
  });

  it('fails as often as requested, with Retry-After when it is busy', async () => {
    await start();
    gitlab.failNext(429, { headers: { 'retry-after': '3' }, path: '/packages' });
    gitlab.failNext('reset');
    const busy = await call(PACKAGES, gitlab.jobToken(7, 1));
    expect([busy.status, busy.headers.get('retry-after')]).toEqual([429, '3']);
    await expect(call(PACKAGES)).rejects.toThrow();
    expect((await call(PACKAGES, gitlab.jobToken(7, 1))).status).toBe(200);
    expect(gitlab.requests().map(({ status }) => status)).toEqual([429, 0, 200]);
  });

  it('shows pipelines, newest first, to an access token but not to a job token', async () => {
    await start();
    for (const [id, status] of [
      [1, 'success'],
      [2, 'failed'],
      [3, 'success'],
    ] as const)
      gitlab.addPipeline({ id, projectId: 7, ref: 'main', sha: `${id}`.repeat(40), status });
    const list = '/projects/7/pipelines?ref=main&status=success&per_page=1';
    const headers = { 'private-token': gitlab.accessToken(7) };
    const answer = await fetch(`${gitlab.apiUrl}${list}`, { headers });
    expect(answer.headers.get('x-next-page')).toBe('2');
    expect(await answer.json()).toMatchObject([{ id: 3, source: 'push' }]);
    expect((await call(list, gitlab.jobToken(7, 1))).status).toBe(404);
  });

  it('signs id tokens with the published keys, and with others after a rotation', async () => {
    await start();
    const claims = { project_id: '7', pipeline_id: '1001', job_id: '1', sha: 'a'.repeat(40) };
    const keys = async (): Promise<(JsonWebKey & { kid: string })[]> => {
      const document = await (await fetch(`${gitlab.issuer}/.well-known/openid-configuration`)).json();
      const set = await (await fetch((document as { jwks_uri: string }).jwks_uri)).json();
      return (set as { keys: (JsonWebKey & { kid: string })[] }).keys;
    };
    const isGood = async (token: string): Promise<boolean> => {
      const [header = '', payload = '', signature = ''] = token.split('.');
      const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string };
      const jwk = (await keys()).find((key) => key.kid === kid);
      if (jwk === undefined) return false;
      const key = createPublicKey({ key: jwk, format: 'jwk' });
      return verify('sha256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url'));
    };
    const token = gitlab.idToken(claims);
    const payload: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    expect(payload).toMatchObject({ ...claims, iss: gitlab.url, aud: 'dte', ref: 'main' });
    expect(await isGood(token)).toBe(true);
    gitlab.rotateKeys(true);
    expect(await isGood(token)).toBe(true);
    gitlab.rotateKeys();
    expect(await isGood(token)).toBe(false);
    expect(await isGood(gitlab.idToken(claims))).toBe(true);
    expect(await isGood(gitlab.idToken(claims, { alg: 'none' }))).toBe(false);
  });
});
