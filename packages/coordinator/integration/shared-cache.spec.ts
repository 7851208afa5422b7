import { writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { SharedCache } from '@org/dte-cache';
import { BYTES_HEADER, DIGEST_HEADER, DIRECT_HEADER, HTTP, type LimitValues } from '@org/dte-protocol';
import {
  type FakeGitlab,
  FolderSharedCache,
  httpCall,
  runSpec,
  startFakeGitlab,
  taskSpec,
  TEST_COMMIT,
} from '@org/dte-testing';
import { agentSync, completed, matching, success } from './support/harness';
import { answerOf, questionOf, type RunningPipeline, SharedBench } from './support/shared-cache';

let gitlab: FakeGitlab;
let bench: SharedBench;
beforeAll(async () => {
  gitlab = await startFakeGitlab({ projects: [] });
});
afterAll(() => gitlab.close());
beforeEach(async () => {
  bench = await SharedBench.open('standalone', gitlab);
});
afterEach(() => bench.cleanUp());

const put = async (to: RunningPipeline, token: string, path: string, body: string): Promise<number> =>
  (await to.call(token, path, body, 'PUT')).status;

describe('a hit of the shared cache', () => {
  let pipeline: RunningPipeline;
  let token: string;
  beforeEach(async () => {
    await bench.put('main', 'trusted', 'of main');
    await bench.put('a branch', 'own', 'of the branch');
    await bench.put('main', 'own', 'of main');
    pipeline = await bench.pipeline('a branch');
    ({ token } = pipeline.main);
  });

  it('is answered with its size and its origin, together with what the session has', async () => {
    await put(pipeline, token, HTTP.cache('here'), 'in the session');
    await put(pipeline, token, HTTP.cache('trusted'), 'in the session too');
    const question = questionOf('own', 'none', 'here', 'trusted');
    const answer = answerOf(await pipeline.call(token, HTTP.cacheQuestion, question));
    const origin = {
      scope: 'own',
      pipelineId: '900',
      jobId: '9',
      commit: 'e'.repeat(40),
      agent: 'nx-agent 1/3',
      atMs: 1,
    };
    expect(answer).toEqual({
      held: ['own', 'here', 'trusted'],
      bytes: ['of the branch'.length, 'in the session'.length, 'in the session too'.length],
      origins: [origin, null, null],
    });
    const plain = await pipeline.call(token, HTTP.cacheQuestion, '{"hashes":["own"]}');
    expect(JSON.parse(plain.text)).toEqual({ held: ['own'] });
  });

  it('is read from the scope of its own first, with its digest', async () => {
    const { sha256 } = (await bench.entryIn('a branch', 'own'))!;
    const answer = await pipeline.call(token, HTTP.cache('own'));
    expect([answer.status, answer.text]).toEqual([200, 'of the branch']);
    expect(answer.headers).toMatchObject({
      etag: `"${sha256}"`,
      'content-length': String('of the branch'.length),
      [DIGEST_HEADER]: `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`,
    });
  });

  it('is a result for the main job, and is not stored a second time', async () => {
    const agent = await pipeline.begin('trusted');
    agent.send(
      agentSync(2, [
        completed(pipeline.runId, 'app:build', {
          ...success('trusted'),
          fromCache: 'remote-cache',
        } as ReturnType<typeof success>),
      ]),
    );
    const update = await pipeline.main.next('run.update', ({ state }) => state === 'finished');
    expect(update.entries.at(-1)).toMatchObject({ type: 'ended', status: 'success' });
    agent.socket.terminate();
    await pipeline.build('last', 'x');
    await bench.whenStored('a branch', 'last');
    expect(await bench.contentIn('a branch', 'trusted')).toBeNull();
  });

  it('is no result if the caller may not read it', async () => {
    await bench.put('merge request 1', 'theirs', 'x');
    const agent = await pipeline.begin('theirs');
    agent.send(agentSync(2, [completed(pipeline.runId, 'app:build', success('theirs'))]));
    await agent.next('agent.wanted', ({ assignments }) => assignments[0]?.attempt === 2);
  });

  it('that is damaged is removed where it lies, by what the coordinator finds itself, and then is a miss', async () => {
    const path = bench.store.pathOf(bench.areaOf('main'), { kind: 'cache', hash: 'trusted' });
    const check = async (): Promise<unknown> =>
      JSON.parse((await pipeline.call(token, HTTP.check(HTTP.cache('trusted')), '{}')).text);
    expect(await check()).toEqual({ state: 'good' });
    await writeFile(`${path}.bin`, 'OF MAIN');
    expect(await check()).toEqual({ state: 'removed' });
    expect(await bench.entryIn('main', 'trusted')).toBeNull();
    expect(await check()).toEqual({ state: 'absent' });
    expect((await pipeline.call(token, HTTP.cache('trusted'))).status).toBe(404);
  });

  it('whose bytes are gone is a miss, and its name is free again', async () => {
    const gone = new FolderSharedCache(bench.root);
    gone.read = () => Promise.resolve(null);
    const other = await SharedBench.open('standalone', gitlab);
    try {
      await bench.put('main', 'gone', 'x');
      const reader = await other.pipeline('main', { store: gone });
      expect((await reader.call(reader.main.token, HTTP.cache('gone'))).status).toBe(404);
      await reader.build('gone', 'again');
      await reader.harness.coordinator.close();
      expect(await bench.contentIn('main', 'gone')).toBe('again');
    } finally {
      await other.cleanUp();
    }
  });
});

describe('a store with addresses of its own', () => {
  it('is read there by who asks for it, and through the coordinator by all others', async () => {
    await bench.put('main', 'h', 'content');
    const store = new FolderSharedCache(bench.root);
    store.readDirectly = () => Promise.resolve({ url: 'https://bucket.example/h?signed', expiresAtMs: 1 });
    const { harness, main } = await bench.pipeline('main', { store });
    const ask = (headers: Record<string, string>) =>
      httpCall(harness.url, { path: HTTP.cache('h'), token: main.token, headers });
    expect(await ask({ [DIRECT_HEADER]: '1' })).toMatchObject({
      status: 307,
      text: '',
      headers: {
        location: 'https://bucket.example/h?signed',
        'cache-control': 'no-store',
        [BYTES_HEADER]: '7',
        [DIGEST_HEADER]: matching(/^sha-256=:/),
      },
    });
    expect(await ask({})).toMatchObject({ status: 200, text: 'content' });
    store.readDirectly = () => Promise.reject(new Error('no credentials'));
    expect(await ask({ [DIRECT_HEADER]: '1' })).toMatchObject({ status: 200, text: 'content' });
  });
});

describe('a store with trouble', () => {
  const never = <T>(): Promise<T> => new Promise<T>(() => undefined);
  const away = (): Promise<never> => Promise.reject(new Error('connect ECONNREFUSED'));
  const broken = (): Promise<Readable> =>
    Promise.resolve(
      Readable.from(
        (function* () {
          yield Buffer.from('con');
          throw new Error('reset');
        })(),
      ),
    );
  const faults: [string, Partial<SharedCache>][] = [
    ['is away', { find: away, read: away, write: away, flush: away, close: away }],
    ['hangs', { find: never, read: never, write: never, flush: never, close: never }],
    ['breaks off', { read: broken, write: away }],
    ['hangs when it is read', { read: never }],
  ];
  it.each(faults)('that %s is a miss, and no task fails', async (_, fault) => {
    await bench.put('main', 'h', 'content');
    const store = Object.assign(new FolderSharedCache(bench.root), fault);
    const limits = {
      cacheQuestionMs: 200,
      cacheFlushMs: 200,
      cacheWriteMs: 200,
    } satisfies Partial<LimitValues>;
    const pipeline = await bench.pipeline('main', { store, limits });
    const { token } = pipeline.main;
    const { held } = answerOf(await pipeline.call(token, HTTP.cacheQuestion, questionOf('h')));
    expect(held).toEqual(fault.find === undefined ? ['h'] : []);
    const read = pipeline.call(token, HTTP.cache('h'));
    if (fault.read === broken) await expect(read).rejects.toThrow();
    else expect((await read).status).toBe(404);
    await pipeline.build('new', 'outputs');
    expect((await pipeline.call(token, HTTP.cache('new'))).text).toBe('outputs');
    await pipeline.harness.coordinator.close();
  });
});

it('is counted by scope, and so is what is stored', async () => {
  await bench.put('main', 'trusted', 'x');
  await bench.put('a branch', 'own', 'x');
  const pipeline = await bench.pipeline('a branch', { metrics: { host: '127.0.0.1', port: 0 } });
  await pipeline.call(pipeline.main.token, HTTP.cacheQuestion, questionOf('trusted', 'own', 'a', 'b'));
  await pipeline.build('new', 'x');
  await bench.whenStored('a branch', 'new');
  await pipeline.build('own', 'x');
  await pipeline.build('last', 'x');
  await bench.whenStored('a branch', 'last');
  const { text } = await httpCall(new URL(pipeline.harness.coordinator.metricsUrl!).origin, {
    path: '/metrics',
  });
  for (const line of [
    'dte_shared_cache_lookups_total{result="trusted"} 1',
    'dte_shared_cache_lookups_total{result="own"} 1',
    'dte_shared_cache_lookups_total{result="miss"} 2',
    'dte_shared_cache_writes_total{result="exists"} 1',
  ])
    expect(text.split('\n')).toContain(line);
});

describe('the end of a coordinator', () => {
  /** Stores nothing before it is told to. */
  class WaitingStore extends FolderSharedCache {
    private readonly gates: (() => void)[] = [];
    override async write(...args: Parameters<FolderSharedCache['write']>): Promise<'stored' | 'exists'> {
      await new Promise<void>((resolve) => this.gates.push(resolve));
      return super.write(...args);
    }
    open(): void {
      for (const gate of this.gates.splice(0)) gate();
    }
    get waiting(): number {
      return this.gates.length;
    }
  }

  it.each(['standalone', 'embedded'] as const)('that is %s waits for the last results', async (kind) => {
    await bench.cleanUp();
    bench = await SharedBench.open(kind, gitlab);
    const store = new WaitingStore(bench.root);
    const main = await bench.pipeline('main', { store });
    await main.build('h', 'outputs');
    const closing = main.harness.coordinator.close();
    expect(store.waiting).toBe(1);
    expect(store.isClosed).toBe(false);
    store.open();
    await closing;
    expect([store.flushes, store.isClosed]).toEqual([1, true]);
    expect(await bench.contentIn('main', 'h')).toBe('outputs');
  });

  it('that is standalone is not late for its successor, whatever the store does', async () => {
    const store = new WaitingStore(bench.root);
    const limits = { coordinatorDrainMs: 200, cacheFlushMs: 600_000 } satisfies Partial<LimitValues>;
    const main = await bench.pipeline('main', { store, limits });
    await main.build('h', 'outputs');
    await main.harness.coordinator.close();
    expect([store.waiting, store.isClosed]).toEqual([1, true]);
  });

  it('of a job is not reached before its main job has its results in the cache', async () => {
    await bench.cleanUp();
    bench = await SharedBench.open('embedded', gitlab);
    const store = new WaitingStore(bench.root);
    const main = await bench.pipeline('main', { store });
    await main.build('h', 'outputs');
    let isOver = false;
    const completing = main.call(main.main.token, HTTP.sessionComplete, '').finally(() => (isOver = true));
    // Answered at once, whatever comes later.
    for (let requests = 0; requests < 5; requests++) expect(await main.harness.ask(main.main)).toBe(200);
    expect(isOver).toBe(false);
    store.open();
    expect((await completing).status).toBe(200);
    expect(store.flushes).toBe(1);
  });
});

describe('after a restart', () => {
  it('results of runs from before are shared as before, those to be kept are kept, and nothing is shared twice', async () => {
    const main = await bench.pipeline('main');
    const agent = await main.agent();
    const tasks = [
      taskSpec('a:build', [], { hash: 'h-a' }),
      { ...taskSpec('b:build', [], { hash: 'h-b' }), sharing: 'never' as const },
    ];
    await main.harness.submit(main.main, runSpec('before', tasks));
    await agent.next('agent.wanted', ({ assignments }) => assignments.length === 2);
    await main.build('early', 'x');
    await main.harness.coordinator.close();
    expect(await bench.contentIn('main', 'early')).toBe('x');
    const writes: string[] = [];
    const store = new FolderSharedCache(bench.root);
    const write = store.write.bind(store);
    store.write = (area, entry, ...rest) => {
      writes.push(entry.hash);
      return write(area, entry, ...rest);
    };
    await main.harness.startCoordinator({ sharedCache: store });
    const back = await main.join({ role: 'agent', clientId: 'agent-1', name: 'nx-agent 1', slots: 1 });
    const ends = ['b', 'a'].map((id) => completed('before', `${id}:build`, success(`h-${id}`)));
    for (const id of ['a', 'b'])
      expect(await put(main, back.token, HTTP.cache(`h-${id}`), `outputs of ${id}`)).toBe(200);
    back.send(agentSync(3, ends));
    await bench.whenStored('main', 'h-a');
    await main.harness.coordinator.close();
    expect(writes).toEqual(['h-a']);
    expect(await bench.contentIn('main', 'h-b')).toBeNull();
  });

  it('a client that comes back with the token of its welcome keeps its access', async () => {
    await bench.put('merge request 1', 'h', 'content');
    const idToken = gitlab.idToken(
      { project_id: '42', job_id: '7', sha: TEST_COMMIT, ...PIPELINE },
      { expiresInS: 1_000_000 },
    );
    const pipeline = await bench.pipeline('merge request 1', { idToken });
    const sessionToken = pipeline.main.token;
    await pipeline.harness.coordinator.close();
    await pipeline.harness.startCoordinator();
    const clientId = 'main-merge-request-1';
    const again = await pipeline.join({ idToken: null, sessionToken, clientId });
    expect((await pipeline.call(again.token, HTTP.cache('h'))).text).toBe('content');
    expect((await pipeline.call(sessionToken, HTTP.cache('h'))).text).toBe('content');
  });
});

const PIPELINE = {
  pipeline_id: '1003',
  ref: 'refs/merge-requests/1/head',
  ref_protected: 'false',
  pipeline_source: 'merge_request_event',
};
