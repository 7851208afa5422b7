import { hasPackageRegistry, readGitlabJob } from './gitlab-job';

describe('readGitlabJob', () => {
  it("is null without GitLab's variables", () => {
    expect(readGitlabJob({ PATH: '/bin', CI: 'true', CI_JOB_ID: '' })).toBeNull();
  });

  it("reads GitLab's variables, and treats an empty one as not set", () => {
    const job = readGitlabJob({ CI_JOB_ID: '9001', CI_JOB_NAME: 'nx', CI_PROJECT_ID: '' });
    expect(job).toMatchObject({ id: '9001', name: 'nx', projectId: null, isWatched: false });
  });

  it('can be queried only with an address and a token', () => {
    const [apiUrl, token] = ['https://gitlab.example.com/api/v4', 't'];
    expect(readGitlabJob({ CI_API_V4_URL: apiUrl })?.isWatched).toBe(false);
    expect(readGitlabJob({ CI_API_V4_URL: apiUrl, CI_JOB_TOKEN: token })?.isWatched).toBe(true);
  });
});

it('has a package registry if address, project and token are known', () => {
  const env = { CI_API_V4_URL: 'https://gitlab.example.com/api/v4', CI_PROJECT_ID: '7', CI_JOB_TOKEN: 't' };
  expect(hasPackageRegistry(readGitlabJob(env))).toBe(true);
  for (const name of Object.keys(env))
    expect(hasPackageRegistry(readGitlabJob({ ...env, [name]: '' }))).toBe(false);
  expect(hasPackageRegistry(null)).toBe(false);
});
