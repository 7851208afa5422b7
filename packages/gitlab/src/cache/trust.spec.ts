import { type CacheIndex, writeIndex } from './index-file';
import {
  areaOf,
  entryOf,
  get,
  type JobOptions,
  OWN,
  put,
  sha256Of,
  TestProject,
} from './test-support/project';

const FOLDER = '.nx/dte/cache';
const UNBOUNDED = { cacheIndexBytes: 1e9, cacheIndexEntries: 1e6 };

/** An archive with an index and an entry that claim what they like. */
function forged(index: Partial<CacheIndex>, content: string, jobId: string) {
  const { sha256, ...rest } = entryOf('1', content);
  const complete: CacheIndex = {
    pipelineId: '1',
    jobId,
    scope: 'trusted',
    entries: [{ ...rest, sha256, jobId, expiresAtMs: null }],
    forgotten: [],
    ...index,
  };
  return {
    [`${FOLDER}/index.json`]: writeIndex(complete, UNBOUNDED),
    [`${FOLDER}/entries/${sha256}`]: content,
  };
}

const MERGE_REQUEST = {
  ref: 'refs/merge-requests/7/head',
  source: 'merge_request_event',
  scope: OWN,
} as const;

describe.each([
  ['a token with read_api', {}],
  ['the token of the job, with Premium', { token: null }],
] as const)('whose results a job gets from job artifacts, with %s', (_, credentials) => {
  let project: TestProject;
  beforeEach(async () => {
    project = await TestProject.start({ tier: 'premium', tags: [{ name: 'main', protected: false }] });
  });
  afterEach(() => project.close());

  const start = (options: JobOptions = {}) => project.job({ ...credentials, ...options });
  /** A job of such a pipeline has ended, with its own index and these bytes for hash 1. */
  const poison = (options: JobOptions, index: Partial<CacheIndex> = {}): void => {
    const job = start(options);
    const [pipelineId, jobId] = [String(job.pipelineId), String(job.id)];
    project.upload(job, forged({ pipelineId, jobId, ...index }, 'poison', index.jobId ?? jobId));
  };

  it('gives a pipeline of main what an earlier one has made, and a merge request too', async () => {
    const first = start();
    await put(first, entryOf('1', 'built'), 'built');
    await project.end(first);
    expect(await get(start(), '1')).toBe('built');
    expect(await get(start(MERGE_REQUEST), '1')).toBe('built');
    const branch = start({ ref: 'feature', scope: OWN });
    expect([await get(branch, '1'), await get(branch, '1', areaOf(OWN))]).toEqual(['built', null]);
  });

  it('gives a merge request what an earlier pipeline of it has made, and neither main nor another one', async () => {
    const first = start(MERGE_REQUEST);
    await put(first, entryOf('1', 'proposed'), 'proposed', areaOf(OWN));
    await project.end(first);
    expect(await get(start(MERGE_REQUEST), '1', areaOf(OWN))).toBe('proposed');
    const other = start({ ...MERGE_REQUEST, ref: 'refs/merge-requests/8/head' });
    expect([await get(other, '1', areaOf(OWN)), await get(other, '1')]).toEqual([null, null]);
    expect(await get(start(), '1')).toBeNull();
  });

  it('gives nothing of its own index to whoever asks for another scope, project or instance', async () => {
    const first = start(MERGE_REQUEST);
    await put(first, entryOf('1', 'proposed'), 'proposed', areaOf(OWN));
    await project.end(first);
    const next = start(MERGE_REQUEST);
    const others = [
      areaOf(`own-${'1'.repeat(32)}`),
      { ...areaOf(OWN), projectId: '43' },
      { ...areaOf(OWN), issuer: 'https://gitlab.other.example' },
    ];
    for (const area of others) expect(await get(next, '1', area)).toBeNull();
    expect(await get(next, '1', areaOf(OWN))).toBe('proposed');
  });

  it.each<[string, JobOptions]>([
    ['a merge request', MERGE_REQUEST],
    ['a merge request whose pipeline has the name of main', { source: 'merge_request_event' }],
    ['an external pull request', { source: 'external_pull_request_event' }],
    ['a branch that is not protected', { ref: 'feature' }],
    ['a tag that has the name of main', { tag: true }],
    ['main in a fork', { projectId: 43 }],
    ['another job of a pipeline of main', { name: 'deploy' }],
  ])(
    'does not give main what a pipeline of %s has made, even if its index says that it is trusted',
    async (_kind, options) => {
      poison(options);
      expect(await get(start(), '1')).toBeNull();
    },
  );

  it('does not believe an index that names a pipeline and a job of main instead of its own', async () => {
    const honest = start();
    await put(honest, entryOf('2', 'built'), 'built');
    await project.end(honest);
    const index = { pipelineId: String(honest.pipelineId), jobId: String(honest.id) };
    poison(MERGE_REQUEST, index);
    poison({ tag: true }, index);
    poison({}, index);
    const next = start();
    expect([await get(next, '1'), await get(next, '2')]).toEqual([null, 'built']);
  });

  it('does not believe an index that names the pipeline of a branch, or of another merge request', async () => {
    const branch = start({ ref: 'feature' });
    const ids = { pipelineId: String(branch.pipelineId), jobId: String(branch.id) };
    project.upload(branch, forged(ids, 'poison', ids.jobId));
    // The latest successful pipeline of something that is called main.
    poison({ tag: true }, ids);
    expect(await get(start(), '1')).toBeNull();
    // Whoever may push may call a branch like this.
    poison({ ref: MERGE_REQUEST.ref, source: 'push' }, { scope: OWN });
    expect(await get(start(MERGE_REQUEST), '1', areaOf(OWN))).toBeNull();
  });

  it('does not believe an index of a branch that was not protected when it was made', async () => {
    poison({}, { scope: OWN });
    expect(await get(start(), '1')).toBeNull();
  });

  it('gives other bytes than those of the index to nobody who compares, and does not pass them on', async () => {
    const first = start();
    await put(first, entryOf('1', 'built'), 'built');
    await first.store.flush();
    const { sha256 } = entryOf('1', 'built');
    const [pipelineId, jobId] = [String(first.pipelineId), String(first.id)];
    project.upload(first, {
      ...forged({ pipelineId, jobId }, 'built', jobId),
      [`${FOLDER}/entries/${sha256}`]: 'other bytes',
    });
    const second = start();
    const content = await get(second, '1');
    expect(sha256Of(content ?? '')).not.toBe(sha256);
    await second.store.remove(areaOf(), entryOf('1', 'built'));
    await project.end(second);
    expect(await get(start(), '1')).toBeNull();
  });

  it('reads nothing from the job of another project, whatever a pointer says', async () => {
    const foreign = project.job({ projectId: 43 });
    const entry = entryOf('1', 'secret');
    project.upload(foreign, { [`${FOLDER}/entries/${entry.sha256}`]: 'secret' });
    const first = start();
    const [pipelineId, jobId] = [String(first.pipelineId), String(first.id)];
    const entries = [{ ...entry, jobId: String(foreign.id), expiresAtMs: null }];
    project.upload(first, forged({ pipelineId, jobId, entries }, 'secret elsewhere', jobId));
    const next = start();
    expect(await get(next, '1')).toBe('gone');
    expect(await get(next, '1')).toBeNull();
  });
});

describe('which protected branches a job gets results of', () => {
  let project: TestProject;
  beforeEach(async () => {
    const branches = ['main', 'release/1 ü', 'unprotected'].map((name) => ({
      name,
      protected: name !== 'unprotected',
    }));
    project = await TestProject.start({ branches });
  });
  afterEach(() => project.close());

  const built = async (ref: string, hash: string): Promise<void> => {
    const job = project.job({ ref });
    await put(job, entryOf(hash, `of ${ref}`), `of ${ref}`);
    await project.end(job);
  };

  it('its own first, then the default branch, and in merge requests the target', async () => {
    for (const ref of ['main', 'release/1 ü']) await built(ref, '1');
    await built('main', '2');
    const own = project.job({ ref: 'release/1 ü' });
    expect([await get(own, '1'), await get(own, '2')]).toEqual(['of release/1 ü', 'of main']);
    const request = project.job({ ...MERGE_REQUEST, branches: ['release/1 ü', 'main'] });
    expect([await get(request, '1'), await get(request, '2')]).toEqual(['of release/1 ü', 'of main']);
  });

  it('not one that only its variables call the default branch', async () => {
    await built('unprotected', '1');
    expect(await get(project.job({ branches: ['unprotected'] }), '1')).toBeNull();
  });
});

describe('whose results a job gets from job artifacts of a branch that GitLab does not protect', () => {
  let project: TestProject;
  beforeEach(async () => {
    project = await TestProject.start({ branches: [{ name: 'main', protected: false }] });
  });
  afterEach(() => project.close());

  it('is told by nobody: not by the claims of the job, and not by the index', async () => {
    const first = project.job();
    await put(first, entryOf('1', 'built'), 'built');
    await project.end(first);
    expect(await get(project.job(), '1')).toBeNull();
  });
});
