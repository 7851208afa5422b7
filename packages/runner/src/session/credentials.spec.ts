import { type FakeClaims, type FakeGitlab, type IdTokenOptions, startFakeGitlab } from '@org/dte-testing';
import { type Env, resolveConfig } from '@org/dte-config';
import { clientCredentials, issuersOf } from './credentials';

const claims: FakeClaims = { project_id: '7', pipeline_id: '1001', job_id: '50', sha: 'a'.repeat(40) };

let gitlab: FakeGitlab;
let other: FakeGitlab;
beforeAll(async () => {
  gitlab = await startFakeGitlab({ projects: [] });
  other = await startFakeGitlab({ projects: [] });
});
afterAll(async () => {
  await gitlab.close();
  await other.close();
});

/** Verifies a coordinator as job 50 of the pipeline does. */
const verify = (
  given: string | null,
  {
    role = 'agent',
    env = {},
    isAddressGiven = false,
  }: { role?: 'agent' | 'main'; env?: Env; isAddressGiven?: boolean } = {},
): Promise<void> => {
  const all = { DTE_ID_TOKEN: gitlab.idToken(claims), ...env };
  const { verifyCoordinator } = clientCredentials(
    resolveConfig({ env: all }),
    { job: { serverUrl: gitlab.url }, authorities: [] },
    role,
    { isAddressGiven },
  );
  if (verifyCoordinator === undefined) throw new Error('nothing is asked');
  return verifyCoordinator(given);
};
const mainToken = (change: Partial<FakeClaims> = {}, options: IdTokenOptions = {}): string =>
  gitlab.idToken({ ...claims, job_id: '51', ...change }, options);
const refusal = { code: 'DTE_ID_TOKEN_REFUSED' };

it('accepts a coordinator of another job of the same pipeline, and of the same job on the main job', async () => {
  await verify(mainToken());
  await verify(mainToken({ job_id: '50' }), { role: 'main' });
});

it.each<[string, Partial<FakeClaims>, IdTokenOptions]>([
  ['of another project', { project_id: '8' }, {}],
  ['of another pipeline', { pipeline_id: '1002' }, {}],
  ['of another commit', { sha: 'b'.repeat(40) }, {}],
  ['for another audience', {}, { audience: 'vault' }],
  ['that is not signed', {}, { alg: 'none' }],
  ['signed with what everybody knows', {}, { alg: 'HS256' }],
  ['that has expired', {}, { expiresInS: -60 }],
])('rejects a coordinator with an id token %s', async (_, change, options) => {
  await expect(verify(mainToken(change, options))).rejects.toMatchObject(refusal);
});

it('rejects a coordinator of another instance', async () => {
  await expect(verify(other.idToken({ ...claims, job_id: '51' }))).rejects.toMatchObject(refusal);
});

it('rejects a coordinator without an id token, unless it is a service, which has none', async () => {
  await expect(verify(null)).rejects.toMatchObject(refusal);
  await verify(null, { isAddressGiven: true });
});

it('rejects a coordinator that replays the id token of an agent', async () => {
  await expect(verify(mainToken({ job_id: '50' }))).rejects.toThrow(/this job's own id token/);
});

it('uses the configured issuer and audience', async () => {
  const env = {
    DTE_ISSUERS: `${other.url}/`,
    DTE_AUDIENCE: 'ours',
    DTE_ID_TOKEN: other.idToken(claims, { audience: 'ours' }),
  };
  await verify(other.idToken({ ...claims, job_id: '51' }, { audience: 'ours' }), { env });
  await expect(verify(mainToken({}, { audience: 'ours' }), { env })).rejects.toMatchObject(refusal);
});

it('can be retried when the issuer does not answer', async () => {
  gitlab.failNext(503, { path: '.well-known' });
  await expect(verify(mainToken())).rejects.toMatchObject({ code: 'DTE_ISSUER_UNAVAILABLE' });
});

it('requires nothing from a coordinator in a job without id token', () => {
  const resolved = resolveConfig({ env: { DTE_SECRET: 's' } });
  expect(
    clientCredentials(resolved, { job: null, authorities: [] }, 'agent', { isAddressGiven: false }),
  ).toEqual({ authorities: [], secret: 's' });
});

it('has no issuer outside of GitLab', () => {
  expect(issuersOf({ issuers: undefined, idToken: undefined }, null)).toEqual([]);
});
