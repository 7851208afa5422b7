import { type FakeGitlab, startFakeGitlab } from '@org/dte-testing';
import { resolveConfig } from '@org/dte-config';
import { readSurroundings } from '../edge/surroundings';
import type { Finding } from './finding';
import { identityFindings } from './identity-findings';

const sha = 'a'.repeat(40);
let gitlab: FakeGitlab;
beforeAll(async () => {
  gitlab = await startFakeGitlab({ projects: [] });
});
afterAll(() => gitlab.close());

const look = (env: Record<string, string>, sessionId = '7-1001'): Promise<Finding[]> => {
  const all = { CI_JOB_ID: '50', CI_SERVER_URL: gitlab.url, ...env };
  return identityFindings(resolveConfig({ env: all }), readSurroundings(all), { id: sessionId, commit: sha });
};
const token = (change = {}, options = {}): string =>
  gitlab.idToken({ project_id: '7', pipeline_id: '1001', job_id: '50', sha, ...change }, options);

it('accepts an id token of this pipeline, and reports how long it is valid', async () => {
  const [finding] = await look({ DTE_ID_TOKEN: token() });
  expect(finding).toMatchObject({ level: 'ok' });
  expect(finding?.text).toMatch(/job 50 in pipeline 1001 of project 7, valid until 20\d\d-/);
});

it.each([
  ['of another pipeline', () => token({ pipeline_id: '1002' }), /1002/],
  ['of another commit', () => token({ sha: 'b'.repeat(40) }), /bbbb/],
  ['for another audience', () => token({}, { audience: 'vault' }), /audience/],
  ['that has expired', () => token({}, { expiresInS: -100 }), /expired/],
])('stops at an id token %s', async (_, idToken, text) => {
  const [finding] = await look({ DTE_ID_TOKEN: idToken() });
  expect(finding).toMatchObject({ level: 'stop', cure: expect.any(String) as string });
  expect(finding?.text).toMatch(text);
});

it('takes the issuer from its own token', async () => {
  expect(await look({ DTE_ID_TOKEN: token(), CI_SERVER_URL: 'https://another.example.com' })).toMatchObject([
    { level: 'ok' },
  ]);
});

it('stops if its token is invalid, or if its GitLab does not answer', async () => {
  expect((await look({ DTE_ID_TOKEN: 'nonsense' }))[0]?.text).toContain('not a JWT');
  gitlab.failNext('reset', { path: '.well-known' });
  expect((await look({ DTE_ID_TOKEN: token() }))[0]?.text).toContain('.well-known');
});

it('mentions a GitLab job without an id token, and nothing outside GitLab', async () => {
  expect(await look({})).toMatchObject([
    { level: 'note', cure: expect.stringContaining('id_tokens') as string },
  ]);
  expect(await look({ CI_JOB_ID: '' })).toEqual([]);
  expect(await look({ DTE_SECRET: 's' })).toMatchObject([
    { level: 'note', cure: expect.stringContaining('id_tokens') as string },
  ]);
  expect(await look({ DTE_SECRET: 's', DTE_SHARED_TRUST: 'true' })).toMatchObject([{ level: 'ok' }]);
  expect(await look({ DTE_SECRET: 's', CI_SERVER_URL: '' })).toMatchObject([{ level: 'ok' }]);
});
