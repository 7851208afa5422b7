import { readLimits } from '@org/dte-protocol';
import { startFakeGitlab, type FakeGitlab } from '@org/dte-testing';
import { mergeRequestOf, type PipelineAccess } from './merge-request-of';

describe('the merge request of a pipeline', () => {
  let gitlab: FakeGitlab;
  let access: PipelineAccess;
  const { limits } = readLimits({});
  const sha = 'a'.repeat(40);
  const OF_3 = 'refs/merge-requests/3/head';

  beforeEach(async () => {
    gitlab = await startFakeGitlab({ projects: [{ id: 7 }] });
    const token = gitlab.accessToken(7, 'reporter');
    access = { apiUrl: gitlab.apiUrl, projectId: '7', pipelineId: '100', token, ca: [] };
  });
  afterEach(() => gitlab.close());

  const add = (id: number, ref: string, source: string, commit = sha): void =>
    gitlab.addPipeline({ id, projectId: 7, ref, sha: commit, status: 'running', source });

  it.each(['head', 'merge', 'train'])('is that of its ref (%s)', async (kind) => {
    add(100, `refs/merge-requests/3/${kind}`, 'merge_request_event');
    expect(await mergeRequestOf(access, limits)).toEqual({ mergeRequest: '3', commit: sha, url: null });
  });

  it('of a child pipeline is that of its parent', async () => {
    add(99, OF_3, 'merge_request_event');
    add(100, OF_3, 'parent_pipeline');
    expect(await mergeRequestOf(access, limits)).toMatchObject({ mergeRequest: '3' });
  });

  it.each<[string, string, string]>([
    ['of a branch', 'feature', 'push'],
    ['of a fork or of a branch that may not be pushed to', 'feature', 'merge_request_event'],
    ['of a branch that is named like a merge request', OF_3, 'push'],
    ['that somebody started with a name like a merge request', OF_3, 'web'],
    ['that is the child of one with such a name', OF_3, 'parent_pipeline'],
    ['of a ref that is longer', `${OF_3}/x`, 'merge_request_event'],
  ])('is none for a pipeline %s', async (_, ref, source) => {
    add(98, OF_3, 'merge_request_event', 'b'.repeat(40));
    add(99, OF_3, 'push');
    add(100, ref, source);
    expect(await mergeRequestOf(access, limits)).toBeNull();
  });

  it.each<[string, () => Partial<PipelineAccess>, RegExp]>([
    ['a token that is not valid', () => ({ token: 'none' }), /status 401: the token is not valid/],
    ['a token of another project', () => ({ token: gitlab.accessToken(8) }), /404: the token has no access/],
    ['a pipeline that does not exist', () => ({ pipelineId: '1' }), /status 404/],
  ])('is not known with %s', async (_, change, reason) => {
    add(100, OF_3, 'merge_request_event');
    await expect(mergeRequestOf({ ...access, ...change() }, limits)).rejects.toMatchObject({
      code: 'DTE_GITLAB_API',
      message: expect.stringMatching(reason) as unknown,
    });
  });

  it.each([500, 'reset', 'hang'] as const)(
    'is not known in time if GitLab answers with %s',
    async (failure) => {
      gitlab.failNext(failure, { path: '/pipelines' });
      await expect(mergeRequestOf(access, { ...limits, gitlabAnswerMs: 500 })).rejects.toMatchObject({
        code: 'DTE_GITLAB_API',
      });
    },
  );
});
