import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { ForwardProxy } from '@org/dte-testing';
import { AFFECTED_OUTPUTS } from '../support/sample-fleet';
import {
  CHANGED,
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

  /** After damage: by agents of the pipeline that meets it, which shares them, so that the next one has everything. */
  async function madeAgainOnce(place: Place, first: PipelineResult): Promise<void> {
    const second = await main(place);
    expect(second.ran).toEqual(TASKS);
    expect(outputsOf(second)).toEqual(outputsOf(first));
    expect(second.output).not.toMatch(/The main job runs|results? from other pipelines/);
    expect(second.output).toMatch(/^dte: 15 tasks on 1 agent in .* · \d+-agent: 15$/m);
    expect(linesOf(second.output)).toEqual([
      expect.stringMatching(/^dte: The shared cache \(.*\) had damaged bytes for .* is made again/),
    ]);
    const third = await main(place);
    expect(third.ran).toEqual([]);
    expect(linesOf(third.output)).toEqual([]);
    expect(outputsOf(third)).toEqual(outputsOf(first));
  }

  it('damaged bytes in the folder are made again, once', async () => {
    const place = await pipelines.standalone(['--cache=coordinator']);
    const first = await main(place);
    damage(filesBelow(join(place.cacheFolder, 'blobs'), /[0-9a-f]{64}$/));
    await madeAgainOnce(place, first);
    expect(linesOf(place.log)).toHaveLength(1);
  });

  it('what depends on damaged bytes runs on agents, as soon as they are made again', async () => {
    const { base, head } = pipelines.fleet;
    const place = await pipelines.standalone(['--cache=coordinator']);
    await main(place, { sha: base });
    damage(filesBelow(join(place.cacheFolder, 'blobs'), /[0-9a-f]{64}$/));
    const second = await main(place, { sha: head });
    expect(second.ran).toEqual(TASKS);
    expect(second.output).not.toMatch(/was lost|The main job runs/);
    expect((await main(place, { sha: head })).ran).toEqual([]);
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
    const place = await pipelines.standalone(['--cache=coordinator'], { DTE_CACHE_BYTES: '100' });
    const first = await main(place);
    const second = await main(place);
    expect(second.ran.length).toBeGreaterThan(0);
    expect(outputsOf(second)).toEqual(outputsOf(first));
    const said = [...linesOf(first.output), ...linesOf(first.pipeline.completion)];
    expect(said).toEqual([
      expect.stringMatching(/^dte: The shared cache .* does not have the result of .* no room for/),
    ]);
  });

  it.each([
    ['refuses them', false],
    ['never answers them', true],
  ])(
    'a bucket that only the coordinator reaches, by its proxy, and that %s, costs agents a line at most',
    async (_, isDeaf) => {
      const { base, head } = pipelines.fleet;
      const bucket = await pipelines.bucket();
      const sockets: Socket[] = [];
      const front = createTcpServer((socket) => void sockets.push(socket.on('error', () => undefined)));
      await new Promise<void>((done) => front.listen(0, '127.0.0.1', done));
      const { port } = front.address() as AddressInfo;
      if (!isDeaf) await new Promise((done) => front.close(done));
      // An address of this machine that is not asked without the proxy.
      const proxy = await ForwardProxy.start({ '0.0.0.0': Number(new URL(bucket.url).port) });
      try {
        const place = await pipelines.standalone([], {
          ...bucket.env,
          DTE_S3_ENDPOINT: `http://0.0.0.0:${port}`,
          http_proxy: proxy.url,
        });
        const first = await main(place, { sha: base });
        const second = await main(place, { sha: head });
        expect(second.ran).toEqual(CHANGED);
        expect(second.output).toContain('dte: 9 results from other pipelines: 9 from trusted\n');
        const lost = (text: string): number => text.split('artifacts cannot be read from').length - 1;
        const logs = [second.output, ...second.pipeline.agents.map(({ process }) => process.output())];
        for (const log of logs) expect(lost(log)).toBeLessThanOrEqual(1);
        expect(logs.map(lost)).toContain(1);
        for (const log of logs) expect(linesOf(log)).toEqual([]);
        const requests = await bucket.requests();
        expect(requests).not.toContainEqual(expect.stringContaining('X-Amz-Signature='));
        expect(requests).toContainEqual(expect.stringMatching(/^GET .*\/data/));
        const again = await main(place, { sha: head });
        expect([again.ran, outputsOf(again)]).toEqual([[], outputsOf(second)]);
        // The change of the second commit is none of the outputs' texts.
        expect(outputsOf(second)).toEqual(outputsOf(first));
      } finally {
        for (const socket of sockets) socket.destroy();
        if (isDeaf) front.close();
        await proxy.close();
      }
    },
  );

  const LISTENERS: [string, RequestListener | null][] = [
    ['is absent', null],
    ['never answers', () => undefined],
    ['says 503', (_request, response) => response.writeHead(503).end()],
    ['says yes to everything', (_request, response) => response.writeHead(200).end('yes')],
  ];
  it.each(LISTENERS)('a bucket that %s is a miss and one line', async (_, listener) => {
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
    // Where people look, and once for whoever runs the coordinator; reading and writing have the same store.
    expect(linesOf(result.output)).toEqual([
      // Whatever says yes to everything says no wrong word until something is stored.
      expect.stringMatching(/^dte: The shared cache \(.*\) could not be (read|written) .*(miss|not find)/),
    ]);
    expect(linesOf(place.log)).toHaveLength(1);
  });
});
