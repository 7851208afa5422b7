import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { AFFECTED_OUTPUTS } from '../support/sample-fleet';
import {
  type BucketServer,
  ofMain,
  type PipelineOf,
  type PipelineResult,
  type Place,
  SharedPipelines,
  TASKS,
} from '../support/shared-pipelines';

/** The artifacts of these tasks are small; they go the way of large ones. */
const ALL_DIRECT = { DTE_DIRECT_UPLOAD_BYTES: '1' };

describe('jobs that put their artifacts into the bucket themselves', () => {
  let pipelines: SharedPipelines;
  let bucket: BucketServer;
  let place: Place;
  beforeEach(async () => {
    pipelines = await SharedPipelines.create();
    bucket = await pipelines.bucket();
    place = await pipelines.standalone([], { ...bucket.env, ...ALL_DIRECT });
  });
  afterEach(async () => {
    expect(await pipelines.close()).toEqual([]);
  });

  const main = (more: Partial<PipelineOf> = {}): Promise<PipelineResult> =>
    pipelines.run(place, { claims: ofMain, sha: pipelines.fleet.base, env: ALL_DIRECT, ...more });
  /** Nothing of it may depend on where the bytes were. */
  const outputsOf = (result: PipelineResult): Record<string, string> =>
    Object.fromEntries(AFFECTED_OUTPUTS.map((path) => [path, result.main.read(path)]));
  const ofAPlainRun = async (): Promise<Record<string, string>> =>
    outputsOf(await main({ env: { DTE_DIRECT_UPLOAD_BYTES: '1000000000' }, args: ['--skip-remote-cache'] }));
  const uploads = async (): Promise<string[]> =>
    (await bucket.requests()).filter((line) => line.startsWith('PUT') && line.includes('X-Amz-Signature='));
  const loseStaged = (): void => {
    const folder = join(bucket.folder, 'ci-cache/dte/staged');
    for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
      if (path.endsWith('_object')) rmSync(join(folder, path), { force: true });
  };

  it('and the next pipeline has all of them', async () => {
    const first = await main();
    expect(first.ran).toEqual(TASKS);
    expect((await uploads()).length).toBeGreaterThan(0);
    const second = await main();
    expect(second.ran).toEqual([]);
    expect(outputsOf(second)).toEqual(outputsOf(first));
    const expected = await ofAPlainRun();
    expect(outputsOf(first)).toEqual(expected);
  });

  it('and lose what is there while the command runs: it is made again, and all outputs are right', async () => {
    let left = 5;
    const result = await main({
      onOutput: (text) => {
        if (!text.includes(':build') || left === 0) return;
        left -= 1;
        loseStaged();
      },
    });
    expect(left).toBeLessThan(5);
    expect(outputsOf(result)).toEqual(await ofAPlainRun());
  });

  it('and lose the bucket while the command runs: all outputs are right', async () => {
    const ending: Promise<void>[] = [];
    const result = await main({
      onOutput: (text) => {
        if (text.includes(':build') && ending.length === 0) ending.push(bucket.close());
      },
    });
    expect(ending).toHaveLength(1);
    await Promise.all(ending);
    const outputs = outputsOf(result);
    const expected = await ofAPlainRun();
    expect(outputs).toEqual(expected);
  });
});
