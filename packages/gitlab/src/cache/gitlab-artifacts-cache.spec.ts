import { artifactsOf, waitFor } from '@org/dte-testing';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { areaOf, entryOf, get, OWN, put, type TestJob, TestProject } from './test-support/project';

const DAY_MS = 86_400_000;
const FOLDER = '.nx/dte/cache';

describe('the shared cache in job artifacts', () => {
  let project: TestProject;
  beforeEach(async () => {
    project = await TestProject.start();
  });
  afterEach(() => project.close());

  const indexOf = (job: TestJob): { entries: { hash: string }[] } =>
    JSON.parse(readFileSync(join(job.clone, FOLDER, 'index.json'), 'utf8')) as never;
  const endWith = async (hash: string, expireInMs: number | null = null): Promise<TestJob> => {
    const job = project.job();
    await put(job, entryOf(hash, `of ${hash}`), `of ${hash}`);
    await project.end(job, expireInMs);
    return job;
  };

  it('finds what any earlier pipeline has made by one index, and keeps the bytes where they are', async () => {
    await endWith('1');
    await endWith('2');
    const third = project.job();
    expect([await get(third, '1'), await get(third, '2')]).toEqual(['of 1', 'of 2']);
    expect(project.gitlab.requests().filter(({ target }) => target.endsWith('index.json'))).toHaveLength(2);
    await project.end(third);
    expect(Object.keys(artifactsOf(third.clone, FOLDER))).toEqual([`${FOLDER}/index.json`]);
  });

  it('has an index on disk soon after a result, without being told that the job ends', async () => {
    const job = project.job({ limits: { cacheIndexPauseMs: 1 } });
    await put(job, entryOf('1', 'built'), 'built');
    await waitFor(
      'the index',
      () => existsSync(join(job.clone, FOLDER, 'index.json')) && indexOf(job).entries.length === 1,
      {
        deadlineMs: 30_000,
        lastState: () => job.notes.join('\n'),
      },
    );
  });

  it('takes the index of the pipeline before if the newest one has none', async () => {
    await endWith('1');
    project.job({ ref: 'main' });
    const cancelled = project.job();
    project.upload(cancelled, {});
    expect(await get(project.job(), '1')).toBe('of 1');
  });

  it('takes that of an earlier try in the same pipeline, and that of the main job with its own name', async () => {
    const first = await endWith('1');
    const other = project.job({ name: 'nx:apps.web' });
    await put(other, entryOf('2', 'of web'), 'of web');
    await project.end(other);
    const retried = project.job({ pipelineId: first.pipelineId });
    expect([await get(retried, '1'), await get(retried, '2')]).toEqual(['of 1', null]);
    expect(await get(project.job({ name: 'nx:apps.web' }), '2')).toBe('of web');
  });

  it('works in child pipelines, which GitLab lists apart', async () => {
    const first = project.job({ source: 'parent_pipeline' });
    await put(first, entryOf('1', 'built'), 'built');
    await project.end(first);
    expect(await get(project.job({ source: 'parent_pipeline' }), '1')).toBe('built');
  });

  it('forgets what has expired, and a file that is gone', async () => {
    await endWith('1', DAY_MS);
    const second = await endWith('2', 3 * DAY_MS);
    project.nowMs += DAY_MS / 2;
    const third = await endWith('3', 3 * DAY_MS);
    expect(
      indexOf(third)
        .entries.map(({ hash }) => hash)
        .sort(),
    ).toEqual(['1', '2', '3']);
    // The clock of the instance: an expired file is gone, whatever this machine believes.
    project.nowMs += DAY_MS;
    const fourth = project.job();
    expect([await get(fourth, '1'), await get(fourth, '2')]).toEqual(['gone', 'of 2']);
    project.nowMs += 2.2 * DAY_MS;
    expect(project.gitlab.hasArtifacts(second.id)).toBe(false);
    expect([await get(fourth, '2'), await get(fourth, '2')]).toEqual(['gone', null]);
    await project.end(fourth);
    expect(indexOf(fourth).entries.map(({ hash }) => hash)).toEqual(['3']);
  });

  it('leaves out the largest if there is more than the artifacts of a job may have, and says so once', async () => {
    const job = project.job({ limits: { cacheArtifactBytes: 10 } });
    for (const [hash, size] of [
      ['1', 6],
      ['2', 3],
      ['3', 4],
      ['4', 20],
    ] as const)
      expect(await put(job, entryOf(hash, 'x'.repeat(size)), 'x'.repeat(size))).toBe('stored');
    await job.store.flush();
    expect(
      indexOf(job)
        .entries.map(({ hash }) => hash)
        .sort(),
    ).toEqual(['2', '3']);
    await project.end(job);
    expect(job.notes).toEqual([expect.stringMatching(/^2 of the results .* the largest, are not kept/)]);
    const next = project.job();
    expect([await get(next, '1'), await get(next, '3')]).toEqual([null, 'xxxx']);
  });

  it('bounds the index: the newest entries of other jobs stay, after its own', async () => {
    for (const hash of ['1', '2', '3']) {
      const job = project.job({ limits: { cacheIndexEntries: 2 } });
      const origin = { ...entryOf('', '').origin, pipelineId: String(job.pipelineId), atMs: Number(hash) };
      await put(job, entryOf(hash, hash, { origin }), hash);
      await project.end(job);
    }
    const next = project.job();
    expect([await get(next, '1'), await get(next, '2'), await get(next, '3')]).toEqual([null, '2', '3']);
  });

  it('does not upload what a runner has kept from another job, and keeps what this job has made before a restart', async () => {
    const job = project.job();
    await put(job, entryOf('1', 'built'), 'built');
    await job.store.flush();
    const entries = join(job.clone, FOLDER, 'entries');
    writeFileSync(join(entries, 'f'.repeat(64)), 'kept by the runner');
    const again = project.restart(job);
    expect(await get(again, '1')).toBe('built');
    expect(existsSync(join(entries, 'f'.repeat(64)))).toBe(false);
    const other = project.job();
    mkdirSync(join(other.clone, FOLDER), { recursive: true });
    writeFileSync(
      join(other.clone, FOLDER, 'index.json'),
      readFileSync(join(job.clone, FOLDER, 'index.json')),
    );
    const reopened = project.restart(other);
    expect(await get(reopened, '1')).toBeNull();
    expect(existsSync(join(other.clone, FOLDER, 'index.json'))).toBe(false);
  });

  it('takes over nothing that others have written with the id of this job', async () => {
    const job = project.job();
    const [forged, entry] = [project.job(), entryOf('1', 'poison')];
    await put(forged, entry, 'poison');
    await forged.store.flush();
    const index = readFileSync(join(forged.clone, FOLDER, 'index.json'), 'utf8');
    const [from, to] = [forged, job].map(({ clone }) => join(clone, FOLDER));
    writeFileSync(join(to!, 'index.json'), index.replaceAll(String(forged.id), String(job.id)));
    copyFileSync(join(from!, 'entries', entry.sha256), join(to!, 'entries', entry.sha256));
    copyFileSync(join(from!, '..', 'cache-incoming.mac'), join(to!, '..', 'cache-incoming.mac'));
    expect(await get(project.restart(job), '1')).toBeNull();
  });

  it('is off with one line that says what to do if the token of the job may not read artifacts', async () => {
    await endWith('1');
    const job = project.job({ token: null });
    expect(await get(job, '1')).toBeNull();
    expect(await get(job, '1')).toBeNull();
    await put(job, entryOf('2', 'two'), 'two');
    await project.end(job);
    expect(job.notes).toEqual([
      expect.stringMatching(
        /^The shared cache is off for this job: .* answered 404 .*DTE_GITLAB_TOKEN.*read_api/,
      ),
    ]);
    expect(existsSync(join(job.clone, FOLDER, 'index.json'))).toBe(false);
  });

  it('is off if the token is wrong', async () => {
    const job = project.job({ token: 'glpat-wrong' });
    expect(await get(job, '1')).toBeNull();
    expect(job.notes).toEqual([expect.stringMatching(/ answered 401 .*DTE_GITLAB_TOKEN .* is wrong/)]);
  });

  it('publishes nothing while GitLab does not answer: a later pipeline would lose what it knew', async () => {
    await endWith('1');
    project.gitlab.failNext(500, { path: '/pipelines', times: 2 });
    const job = project.job();
    await expect(get(job, '1')).rejects.toMatchObject({ code: 'DTE_GITLAB_API' });
    await job.store.flush();
    expect(existsSync(join(job.clone, FOLDER, 'index.json'))).toBe(false);
    expect(job.notes).toEqual([
      expect.stringMatching(/^results of this pipeline are not kept .* answered 500/),
    ]);
    expect(await get(job, '1')).toBe('of 1');
    await project.end(job);
    expect(indexOf(job).entries).toHaveLength(1);
  });

  it('gives up a question when its time is over, and has the answer for the next one', async () => {
    await endWith('1');
    const { store, ...job } = project.job();
    const signal = AbortSignal.abort(new Error('too slow'));
    await expect(store.find(areaOf(), [{ kind: 'cache', hash: '1' }], signal)).rejects.toThrow('too slow');
    expect(await get({ store, ...job }, '1')).toBe('of 1');
  });

  it('follows GitLab to its object storage without the token', async () => {
    await project.close();
    project = await TestProject.start({ downloads: 'redirected' });
    await endWith('1');
    expect(await get(project.job(), '1')).toBe('of 1');
  });

  describe('forgetting a pipeline', () => {
    it('deletes the artifacts of its main jobs, and no later index brings its entries back', async () => {
      const bad = await endWith('1');
      await endWith('2');
      const maintainer = project.gitlab.accessToken(42, 'maintainer');
      const job = project.job({ token: maintainer });
      expect(await job.store.forget(areaOf(), String(bad.pipelineId))).toBe(1);
      expect(project.gitlab.hasArtifacts(bad.id)).toBe(false);
      expect([await get(job, '1'), await get(job, '2'), job.notes]).toEqual([null, 'of 2', []]);
      await project.end(job);
      await endWith('3');
      expect(await get(project.job(), '1')).toBeNull();
    });

    it('works without the permission to delete, says so, and is carried on', async () => {
      const bad = await endWith('1');
      const job = project.job();
      expect(await job.store.forget(areaOf(), String(bad.pipelineId))).toBe(1);
      expect(job.notes).toEqual([expect.stringMatching(/still there: .*scope api and the role Maintainer/)]);
      await project.end(job);
      await endWith('2');
      const next = project.job();
      expect([project.gitlab.hasArtifacts(bad.id), await get(next, '1'), await get(next, '2')]).toEqual([
        true,
        null,
        'of 2',
      ]);
    });

    it('holds for the own entries of a merge request as well, without the permission to delete', async () => {
      const mine = { ref: 'refs/merge-requests/7/head', source: 'merge_request_event', scope: OWN };
      const bad = project.job(mine);
      await put(bad, entryOf('1', 'one'), 'one', areaOf(OWN));
      await project.end(bad);
      const good = project.job(mine);
      await put(good, entryOf('2', 'two'), 'two', areaOf(OWN));
      await project.end(good);
      const main = project.job();
      await main.store.forget(areaOf(), String(bad.pipelineId));
      await project.end(main);
      const next = project.job(mine);
      expect([await get(next, '1', areaOf(OWN)), await get(next, '2', areaOf(OWN))]).toEqual([null, 'two']);
      expect(project.gitlab.hasArtifacts(bad.id)).toBe(true);
      // And for whoever reads only what that one has published.
      await project.end(next);
      expect(indexOf(next).entries.map(({ hash }) => hash)).toEqual(['2']);
    });

    it('is not for the entries of a merge request that another one has forgotten', async () => {
      const mine = { ref: 'refs/merge-requests/7/head', source: 'merge_request_event', scope: OWN };
      const first = project.job(mine);
      await put(first, entryOf('1', 'one'), 'one', areaOf(OWN));
      await project.end(first);
      const other = project.job({ ...mine, ref: 'refs/merge-requests/8/head' });
      expect(await other.store.forget(areaOf(), String(first.pipelineId))).toBe(0);
      await project.end(other);
      expect(await get(project.job(mine), '1', areaOf(OWN))).toBe('one');
    });
  });
});
