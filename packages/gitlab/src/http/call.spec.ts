import { createCoordinatorCertificate } from '@org/dte-identity';
import { startFakeGitlab, type FakeGitlab } from '@org/dte-testing';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { extraAuthorities, gitlabCall, type GitlabAnswer, type GitlabCall } from './index';

describe('gitlabCall', () => {
  let gitlab: FakeGitlab;
  const call = (path: string, fields: Partial<GitlabCall> = {}): Promise<GitlabAnswer> =>
    gitlabCall({
      method: 'GET',
      url: new URL(`${gitlab.apiUrl}${path}`),
      headers: { 'job-token': gitlab.jobToken(7, 1) },
      ca: [],
      timeoutMs: 2_000,
      maxBytes: 10_000,
      ...fields,
    });
  const start = async (options: object = {}): Promise<void> => {
    gitlab = await startFakeGitlab({ projects: [{ id: 7 }], ...options });
  };
  afterEach(() => gitlab.close());

  it('returns any status with the headers and the body', async () => {
    await start();
    gitlab.failNext(429, { headers: { 'retry-after': '9' } });
    const answer = await call('/job');
    expect([answer.status, answer.headers['retry-after'], answer.body]).toEqual([429, '9', 'Retry later\n']);
    expect(await call('/nothing')).toMatchObject({ status: 404, body: '{"message":"404 Not found"}' });
  });

  it('fails after the timeout, and when the connection breaks', async () => {
    await start();
    gitlab.failNext('hang');
    await expect(call('/job', { timeoutMs: 50 })).rejects.toThrow('no answer within 50 ms');
    gitlab.failNext('reset');
    await expect(call('/job')).rejects.toThrow(/hang up|ECONNRESET/);
  });

  it('does not read more of an answer than the limit', async () => {
    await start();
    await expect(call('/job', { maxBytes: 5 })).rejects.toThrow('more than 5 bytes');
  });

  it('follows redirects of downloads only, up to a limit', async () => {
    await start();
    const headers = { location: '/api/v4/job' };
    gitlab.failNext(302, { headers });
    expect((await call('/anywhere')).status).toBe(200);
    gitlab.failNext(302, { headers });
    expect((await call('/anywhere', { method: 'PUT', body: 'x' })).status).toBe(302);
    gitlab.failNext(302, { headers, times: 9 });
    expect((await call('/anywhere')).status).toBe(302);
    expect(gitlab.requests()).toHaveLength(7);
  });

  it('trusts only the certificate authority that the GitLab runner trusts', async () => {
    const tls = createCoordinatorCertificate();
    await start({ tls });
    const folder = mkdtempSync(join(tmpdir(), 'dte-ca-'));
    const path = join(folder, 'ca.pem');
    writeFileSync(path, tls.cert);
    await expect(call('/job')).rejects.toThrow(/self-signed certificate/);
    const ca = extraAuthorities({ authoritiesFile: path }, { NODE_EXTRA_CA_CERTS: join(folder, 'none.pem') });
    // The certificate is trusted now; only its name is not that of this server.
    await expect(call('/job', { ca })).rejects.toThrow(/does not match certificate/);
    rmSync(folder, { recursive: true });
  });
});
