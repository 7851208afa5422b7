import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { AFFECTED_OUTPUTS } from '../support/sample-fleet';
import {
  ofMain,
  type PipelineOf,
  type PipelineResult,
  type Place,
  SharedPipelines,
  TASKS,
} from '../support/shared-pipelines';

/** Every file below a folder whose path matches. */
const filesBelow = (folder: string, wanted: RegExp): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((path) => join(folder, path))
    .filter((path) => wanted.test(path) && statSync(path).isFile());

/** Another bit in the middle of each file, which stays as long as it was. */
function damage(paths: readonly string[]): void {
  for (const path of paths) {
    const bytes = readFileSync(path);
    const at = Math.floor(bytes.length / 2);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(path, bytes);
  }
}

/** What must never depend on a cache. */
const outputsOf = ({ main }: PipelineResult): Record<string, string> =>
  Object.fromEntries(AFFECTED_OUTPUTS.map((path) => [path, main.read(path)]));

/** Lines of the coordinator about its store. */
const linesOf = (log: string): string[] => log.split('\n').filter((line) => /shared cache/i.test(line));

describe('a shared cache in trouble', () => {
  let pipelines: SharedPipelines;
  let server: Server | null;
  beforeEach(async () => {
    server = null;
    pipelines = await SharedPipelines.create();
  });
  afterEach(async () => {
    server?.closeAllConnections();
    server?.close();
    expect(await pipelines.close()).toEqual([]);
  });

  const main = (place: Place, more: Partial<PipelineOf> = {}): Promise<PipelineResult> =>
    pipelines.run(place, { claims: ofMain, sha: pipelines.fleet.base, ...more });

  /** After damage: by the pipeline that meets it, which shares nothing, and by the next, which does. */
  async function madeAgainOnce(place: Place, first: PipelineResult): Promise<void> {
    const second = await main(place);
    expect(second.ran).toEqual(TASKS);
    expect(outputsOf(second)).toEqual(outputsOf(first));
    // The main job had counted on them, so it ran the tasks itself, and shares nothing.
    expect(second.output).not.toMatch(/results? from other pipelines/);
    const third = await main(place);
    expect(third.ran).toEqual(TASKS);
    expect(third.output).not.toContain('damaged');
    const fourth = await main(place);
    expect(fourth.ran).toEqual([]);
    expect(outputsOf(fourth)).toEqual(outputsOf(first));
  }

  it('damaged bytes in the folder are made again, once', async () => {
    const place = await pipelines.standalone(['--cache=coordinator']);
    const first = await main(place);
    damage(filesBelow(join(place.cacheFolder, 'blobs'), /[0-9a-f]{64}$/));
    await madeAgainOnce(place, first);
    expect(place.log).toMatch(/damaged bytes/);
  });

  it('damaged bytes in the bucket are made again, once', async () => {
    const bucket = await pipelines.bucket();
    const place = await pipelines.standalone([], bucket.env);
    const first = await main(place);
    damage(filesBelow(bucket.folder, /data\._S3rver_object$/));
    await madeAgainOnce(place, first);
  });

  it('a coordinator that is killed while it publishes has whole entries or none', async () => {
    const place = await pipelines.standalone(['--cache=coordinator']);
    const restarts: Promise<void>[] = [];
    const first = await main(place, {
      onOutput: (text) => {
        if (text.includes('beta:build') && restarts.length === 0)
          restarts.push(place.stop('SIGKILL').then(() => place.start()));
      },
    });
    expect(restarts).toHaveLength(1);
    await restarts[0];
    const second = await main(place);
    expect(outputsOf(second)).toEqual(outputsOf(first));
    expect(place.log).not.toMatch(/damaged bytes/);
    expect((await main(place)).ran).toEqual([]);
  });

  it('a folder without room is a miss', async () => {
    const place = await pipelines.standalone(['--cache=coordinator'], { DTE_CACHE_BYTES: '1000' });
    const first = await main(place);
    const second = await main(place);
    expect(second.ran.length).toBeGreaterThan(0);
    expect(outputsOf(second)).toEqual(outputsOf(first));
  });

  const LISTENERS: [string, RequestListener | null][] = [
    ['is absent', null],
    ['never answers', () => undefined],
    ['says 503', (_request, response) => response.writeHead(503).end()],
    ['says yes to everything', (_request, response) => response.writeHead(200).end('yes')],
  ];
  it.each(LISTENERS)('a bucket that %s is a miss, and little is said', async (_, listener) => {
    server = createServer(listener ?? (() => undefined));
    const listening = server;
    await new Promise<void>((done) => listening.listen(0, '127.0.0.1', done));
    const { port } = listening.address() as AddressInfo;
    if (listener === null) await new Promise((done) => listening.close(done));
    const place = await pipelines.standalone([], {
      DTE_CACHE: 's3',
      DTE_S3_BUCKET: 'ci-cache',
      DTE_S3_ENDPOINT: `http://127.0.0.1:${port}`,
      DTE_S3_ACCESS_KEY_ID: 'key',
      DTE_S3_SECRET_ACCESS_KEY: 'secret',
    });
    const result = await main(place);
    expect(result.ran).toEqual(TASKS);
    expect(linesOf(result.output)).toEqual([]);
    const changes = linesOf(place.log).filter((line) => !/could not be (read|written) \(/.test(line));
    // For reading and for writing, one each: it is left alone from now on.
    expect(changes.length).toBeLessThanOrEqual(2);
  });
});
