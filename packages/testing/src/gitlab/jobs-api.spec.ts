import { type FakeGitlab, startFakeGitlab } from './fake-gitlab';

const DAY_MS = 86_400_000;
const SHA = 'a'.repeat(40);

describe('jobs and their artifacts on the fake GitLab', () => {
  let gitlab: FakeGitlab;
  let nowMs = 0;
  let reporter: Record<string, string>;

  beforeEach(async () => {
    nowMs = 1_790_000_000_000;
    gitlab = await startFakeGitlab({
      projects: [
        { id: 7, artifactBytes: 100, tags: [{ name: 'v1', protected: true }] },
        { id: 8, tier: 'premium' },
      ],
      now: () => nowMs,
    });
    reporter = { 'private-token': gitlab.accessToken(7, 'reporter') };
    gitlab.addPipeline({ id: 100, projectId: 7, ref: 'main', sha: SHA, status: 'success' });
    gitlab.addJob({ id: 1_000, pipelineId: 100, name: 'nx' });
  });
  afterEach(() => gitlab.close());

  const ask = async (path: string, headers = reporter, method: 'GET' | 'DELETE' = 'GET') => {
    const answer = await fetch(`${gitlab.apiUrl}${path}`, { method, headers });
    return { status: answer.status, body: await answer.text() };
  };
  const jobToken = (project: number, job: number) => ({ 'job-token': gitlab.jobToken(project, job) });

  it('serves single files by job, and by the latest successful pipeline of a ref', async () => {
    expect(gitlab.uploadArtifacts(1_000, { 'dist/a b.txt': 'content' })).toBe(201);
    expect(await ask('/projects/7/jobs/1000/artifacts/dist/a%20b.txt')).toEqual({
      status: 200,
      body: 'content',
    });
    const latest = '/projects/7/jobs/artifacts/main/raw/dist/a%20b.txt?job=nx';
    expect(await ask(latest)).toEqual({ status: 200, body: 'content' });
    gitlab.addPipeline({ id: 101, projectId: 7, ref: 'main', sha: SHA, status: 'failed' });
    expect(await ask(latest)).toMatchObject({ status: 200 });
    // The latest successful one decides, whether it has such a job or not.
    gitlab.addPipeline({ id: 102, projectId: 7, ref: 'main', sha: SHA, status: 'success' });
    expect(await ask(latest)).toMatchObject({ status: 404 });
  });

  it('refuses a path that leaves the archive, and knows no missing file, job or project', async () => {
    gitlab.uploadArtifacts(1_000, { x: 'content' });
    expect((await ask('/projects/7/jobs/1000/artifacts/a%2F..%2Fx')).status).toBe(400);
    expect((await ask('/projects/7/jobs/1000/artifacts/y')).status).toBe(404);
    expect((await ask('/projects/7/jobs/1001/artifacts/x')).status).toBe(404);
    expect((await ask('/projects/8/jobs/1000/artifacts/x')).body).toContain('Project Not Found');
  });

  it('serves nothing after the artifacts have expired, and says when they do', async () => {
    gitlab.uploadArtifacts(1_000, { x: 'content' }, { expireInMs: DAY_MS });
    const jobs = '/projects/7/pipelines/100/jobs';
    expect((await ask(jobs)).body).toContain(new Date(nowMs + DAY_MS).toISOString());
    nowMs += DAY_MS;
    expect((await ask('/projects/7/jobs/1000/artifacts/x')).status).toBe(404);
  });

  it('rejects an archive that is larger than the project permits', async () => {
    expect(gitlab.uploadArtifacts(1_000, { x: 'x'.repeat(101) })).toBe(413);
    expect((await ask('/projects/7/jobs/1000/artifacts/x')).status).toBe(404);
  });

  it('accepts the token of a job for artifacts only with Premium, and for the list of jobs always', async () => {
    gitlab.uploadArtifacts(1_000, { x: 'content' });
    const artifact = '/projects/7/jobs/1000/artifacts/x';
    expect(await ask(artifact, jobToken(7, 1_001))).toEqual({
      status: 404,
      body: '{"message":"404 Project Not Found"}',
    });
    expect((await ask('/projects/7/pipelines/100/jobs', jobToken(7, 1_001))).status).toBe(200);
    gitlab.addPipeline({ id: 200, projectId: 8, ref: 'main', sha: SHA, status: 'success' });
    gitlab.addJob({ id: 2_000, pipelineId: 200, name: 'nx' });
    gitlab.uploadArtifacts(2_000, { x: 'paid' });
    expect(await ask('/projects/8/jobs/2000/artifacts/x', jobToken(8, 2_001))).toMatchObject({
      body: 'paid',
    });
  });

  it('deletes artifacts for maintainers only', async () => {
    gitlab.uploadArtifacts(1_000, { x: 'content' });
    const artifacts = '/projects/7/jobs/1000/artifacts';
    expect((await ask(artifacts, reporter, 'DELETE')).status).toBe(403);
    expect(gitlab.hasArtifacts(1_000)).toBe(true);
    const maintainer = { 'private-token': gitlab.accessToken(7, 'maintainer') };
    expect((await ask(artifacts, maintainer, 'DELETE')).status).toBe(204);
    expect(gitlab.hasArtifacts(1_000)).toBe(false);
  });

  it('lists jobs that have ended, retried ones and child pipelines only if they are asked for', async () => {
    gitlab.addJob({ id: 1_001, pipelineId: 100, name: 'nx', status: 'failed', retried: true });
    gitlab.addJob({ id: 1_002, pipelineId: 100, name: 'nx', status: 'running' });
    const idsOf = async (path: string) =>
      (JSON.parse((await ask(path)).body) as { id: number }[]).map(({ id }) => id);
    const jobs = '/projects/7/pipelines/100/jobs';
    expect(await idsOf(jobs)).toEqual([1_002, 1_000]);
    expect(await idsOf(`${jobs}?include_retried=true&scope[]=success&scope[]=failed`)).toEqual([
      1_001, 1_000,
    ]);
    const source = 'parent_pipeline';
    gitlab.addPipeline({ id: 103, projectId: 7, ref: 'main', sha: SHA, status: 'success', source });
    expect(await idsOf('/projects/7/pipelines?ref=main')).toEqual([100]);
    expect(await idsOf('/projects/7/pipelines?ref=main&source=parent_pipeline')).toEqual([103]);
  });

  it('names the job of a token with its pipeline', async () => {
    const { body } = await ask('/job', jobToken(7, 1_000));
    expect(JSON.parse(body)).toMatchObject({
      id: 1_000,
      name: 'nx',
      tag: false,
      pipeline: { id: 100, ref: 'main' },
    });
  });

  it('says which refs are protected, to job tokens too', async () => {
    const refs = async (path: string) =>
      JSON.parse((await ask(`/projects/7/repository/${path}`, jobToken(7, 1_000))).body) as unknown;
    expect(await refs('branches?search=%5Emain%24')).toEqual([{ name: 'main', protected: true }]);
    expect(await refs('branches?search=%5Emai%24')).toEqual([]);
    expect(await refs('tags?search=v')).toEqual([{ name: 'v1', protected: true }]);
  });
});
