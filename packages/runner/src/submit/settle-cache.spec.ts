import type { CacheEntry, FetchResult, StoreOutcome, TaskCache } from '@org/dte-nx-compat';
import { readLimits, type CacheOrigin, type Sharing } from '@org/dte-protocol';
import { noLateHashes } from './late-hashes';
import { settleFromCache, type SettleOptions } from './settle-cache';
import { graphOf } from '../test-support/tasks';

const graph = graphOf(
  { 'lib:build': [], 'app:build': ['lib:build'], 'app:test': ['app:build'] },
  {},
  { 'lib:build': { hash: '1' }, 'app:build': { hash: '2' }, 'app:test': { hash: '3' } },
);

const ORIGIN: CacheOrigin = {
  scope: 'trusted',
  pipelineId: '4711',
  jobId: '12',
  commit: 'abc',
  agent: 'agent-1',
  atMs: 1,
};
const noArchives = { putAttempt: () => Promise.reject(new Error('no')) };

interface World {
  local?: string[];
  held?: string[];
  other?: string[];
  remoteKind?: TaskCache['remoteKind'];
  stored?: StoreOutcome;
  options?: Partial<SettleOptions>;
  /** Hash -> another pipeline that has made it. */
  origins?: Record<string, CacheOrigin>;
  /** Exit code of every entry. */
  code?: number;
}

async function settle({
  local = [],
  held = [],
  other = [],
  remoteKind = 'ours',
  stored = { kind: 'stored' },
  options,
  code = 0,
  origins = {},
}: World) {
  const entry: CacheEntry = { code, terminalOutput: 'out', outputsPath: '/x' };
  const asked: string[][] = [];
  const uploaded: string[] = [];
  const archived: string[] = [];
  const steps: string[] = [];
  const cache: TaskCache = {
    remoteKind,
    lookupLocal: (tasks) =>
      Promise.resolve(new Map(tasks.filter(({ id }) => local.includes(id)).map(({ id }) => [id, entry]))),
    fetch: ({ id }): Promise<FetchResult> => {
      steps.push(`${id} fetched`);
      return Promise.resolve(
        local.includes(id)
          ? { kind: 'local', entry }
          : other.includes(id)
            ? { kind: 'remote', entry }
            : { kind: 'miss' },
      );
    },
    uploadFromLocal: ({ id }) => {
      uploaded.push(id);
      return Promise.resolve(stored);
    },
    store: jest.fn(),
    recordTaskDetails: jest.fn(),
    replays: (ended) => ended < 5,
    keepTerminalOutput: () => Promise.resolve(),
    limit: jest.fn(),
    useOf: () => ({ local: true, shared: true, published: true }),
    distrust: jest.fn(),
    disconnect: jest.fn(),
    keepHere: jest.fn(),
  };
  const hits = await settleFromCache({
    graph,
    pending: Object.keys(graph.tasks),
    cache,
    batches: new Map(),
    runId: 'r',
    workspaceRoot: '/w',
    limits: readLimits({}).limits,
    skipNxCache: false,
    skipRemoteCache: false,
    late: noLateHashes,
    sharingOf: () => undefined,
    rebuilds: { chooses: () => Promise.resolve(false) },
    inTurn: async (task, work) => {
      steps.push(`${task.id} begins`);
      const done = await work();
      steps.push(`${task.id} is over`);
      return done;
    },
    outputs: {
      list: () => {
        steps.push('listed');
        return Promise.resolve({ entries: [], through: [], roots: [] });
      },
      remove: () => undefined,
      covers: () => () => true,
    },
    http: {
      askHeld: (hashes) => {
        asked.push([...hashes]);
        return Promise.resolve(
          new Map(hashes.filter((hash) => held.includes(hash)).map((hash) => [hash, origins[hash] ?? null])),
        );
      },
      putAttempt: ({ taskId }) => {
        archived.push(taskId);
        steps.push(`${taskId} sent`);
        return Promise.resolve('stored');
      },
    },
    ...options,
  });
  return { hits, asked, uploaded, archived, steps };
}

describe('settleFromCache', () => {
  it('sends the coordinator one request for all hashes', async () => {
    expect((await settle({})).asked).toEqual([['1', '2', '3']]);
  });

  it('finds what the coordinator has', async () => {
    const { hits, uploaded } = await settle({ held: ['1', '2'] });
    expect(hits).toEqual([
      { taskId: 'lib:build', artifact: { kind: 'cache', hash: '1' }, local: false, failed: false },
      { taskId: 'app:build', artifact: { kind: 'cache', hash: '2' }, local: false, failed: false },
    ]);
    expect(uploaded).toEqual([]);
  });

  it('uploads only local hits that pending tasks need, directly or not', async () => {
    expect((await settle({ local: ['lib:build', 'app:build'] })).uploaded).toEqual([
      'lib:build',
      'app:build',
    ]);
    const nothingPending = await settle({ local: ['lib:build', 'app:build', 'app:test'] });
    expect(nothingPending.uploaded).toEqual([]);
    expect(nothingPending.hits.map(({ artifact }) => artifact.kind)).toEqual(['none', 'none', 'none']);
  });

  it('reads shared outputs for an archive one after another', async () => {
    const { steps } = await settle({ local: ['lib:build'], stored: { kind: 'none' } });
    expect(steps).toEqual([
      'lib:build begins',
      'lib:build fetched',
      'listed',
      'lib:build sent',
      'lib:build is over',
    ]);
  });

  it('uploads an archive when the organisation has its own remote cache', async () => {
    for (const place of ['other', 'local'] as const) {
      const { hits, archived } = await settle({
        remoteKind: 'other',
        [place]: ['lib:build'],
        stored: { kind: 'none' },
      });
      expect(archived).toEqual(['lib:build']);
      expect(hits).toEqual([
        {
          taskId: 'lib:build',
          artifact: expect.objectContaining({ kind: 'attempt', attempt: 0 }) as unknown,
          local: true,
          failed: false,
        },
      ]);
    }
  });

  it('lets an agent run what cannot be uploaded', async () => {
    const putAttempt = () => Promise.reject(new Error('no'));
    const http = { askHeld: () => Promise.resolve(new Map<string, null>()), putAttempt };
    const { hits } = await settle({
      local: ['lib:build'],
      stored: { kind: 'failed', message: 'x' },
      options: { http },
    });
    expect(hits).toEqual([]);
  });

  it('finds nothing with --skip-nx-cache, and sends no request', async () => {
    expect(await settle({ held: ['1'], local: ['lib:build'], options: { skipNxCache: true } })).toMatchObject(
      { hits: [], asked: [] },
    );
  });

  it('uses nothing from the coordinator with --skip-remote-cache', async () => {
    expect((await settle({ held: ['1'], options: { skipRemoteCache: true } })).hits).toEqual([]);
  });

  describe('with results of other pipelines', () => {
    const origins = { 2: ORIGIN };

    it('says where a hit comes from, if it was not on this machine already', async () => {
      const { hits } = await settle({
        held: ['1', '2', '3'],
        local: ['lib:build'],
        origins: { 1: ORIGIN, ...origins },
      });
      expect(hits.map(({ taskId, origin }) => [taskId, origin])).toEqual([
        ['lib:build', undefined],
        ['app:build', ORIGIN],
        ['app:test', undefined],
      ]);
    });

    it('takes none for a task that must be made in this pipeline, and what this pipeline has made', async () => {
      const sharingOf = (): Sharing => 'this-pipeline';
      const { hits } = await settle({ held: ['1', '2'], origins, options: { sharingOf } });
      expect(hits.map(({ taskId }) => taskId)).toEqual(['lib:build']);
    });

    it('sends agents what this machine has with --skip-remote-cache, not what another pipeline has made', async () => {
      const world = { held: ['1', '2'], local: ['lib:build', 'app:build'], origins };
      const { hits, uploaded } = await settle({ ...world, options: { skipRemoteCache: true } });
      expect([hits.map(({ taskId }) => taskId), uploaded]).toEqual([
        ['lib:build', 'app:build'],
        ['app:build'],
      ]);
    });

    it('lets an agent run what another pipeline has, if the upload of this machine is declined', async () => {
      const { hits } = await settle({
        held: ['1'],
        local: ['lib:build'],
        origins: { 1: ORIGIN },
        stored: { kind: 'declined' },
        options: {
          skipRemoteCache: true,
          http: { ...noArchives, askHeld: () => Promise.resolve(new Map([['1', ORIGIN]])) },
        },
      });
      expect(hits).toEqual([]);
    });

    it('has a chosen one made again', async () => {
      const asked: unknown[] = [];
      const rebuilds = {
        chooses: (others: unknown) => {
          asked.push(others);
          return Promise.resolve(true);
        },
      };
      const { hits } = await settle({ held: ['1', '2'], origins, options: { rebuilds } });
      expect(hits.map(({ taskId }) => taskId)).toEqual(['lib:build']);
      expect(asked).toEqual([{ taskId: 'app:build', hash: '2', origin: ORIGIN }]);
    });
  });

  it('leaves a task to its batch when the batch has to run its dependencies', async () => {
    const batches = new Map([
      ['lib:build', 'tsc 1'],
      ['app:build', 'tsc 1'],
    ]);
    const { hits } = await settle({ held: ['2', '3'], options: { batches } });
    expect(hits.map(({ taskId }) => taskId)).toEqual(['app:test']);
    const all = await settle({ held: ['1', '2', '3'], options: { batches } });
    expect(all.hits.map(({ taskId }) => taskId)).toEqual(['lib:build', 'app:build', 'app:test']);
  });
});

describe('with NX_CACHE_FAILURES', () => {
  beforeAll(() => (process.env['NX_CACHE_FAILURES'] = 'true'));
  afterAll(() => Reflect.deleteProperty(process.env, 'NX_CACHE_FAILURES'));

  it('a hit is checked before its dependents can start', async () => {
    const { hits } = await settle({ held: ['1'], other: ['lib:build'], code: 3 });
    expect(hits).toMatchObject([{ taskId: 'lib:build', failed: true }]);
  });

  it('a failure that Nx does not replay is not a hit', async () => {
    expect((await settle({ held: ['1'], other: ['lib:build'], code: 7 })).hits).toEqual([]);
  });

  it('a result of another pipeline is checked as well, and says where it comes from', async () => {
    const world: World = { held: ['1'], other: ['lib:build'], origins: { 1: ORIGIN } };
    expect((await settle(world)).hits).toMatchObject([
      { taskId: 'lib:build', failed: false, origin: ORIGIN },
    ]);
    expect((await settle({ ...world, code: 7 })).hits).toEqual([]);
    // Nobody can tell a failure from a difference.
    const rebuilds = { chooses: () => Promise.resolve(true) };
    expect((await settle({ ...world, options: { rebuilds } })).hits).toHaveLength(1);
  });

  it('a success is a hit as usual', async () => {
    const { hits } = await settle({ held: ['1'], other: ['lib:build'] });
    expect(hits).toMatchObject([
      { taskId: 'lib:build', artifact: { kind: 'cache', hash: '1' }, failed: false },
    ]);
  });
});

describe('tasks without a hash', () => {
  const lateGraph = () =>
    graphOf({ 'lib:build': [], 'lib:test': ['lib:build'] }, {}, { 'lib:build': { hash: '1' } });
  const late = (hashes: Record<string, string>) => {
    const rounds = [new Map(Object.entries(hashes)), new Map<string, string>()];
    return { next: () => Promise.resolve(rounds.shift() ?? new Map<string, string>()) };
  };

  it('are settled from a cache once they are hashed, and have that hash then', async () => {
    const graph = lateGraph();
    const options = { graph, pending: Object.keys(graph.tasks), late: late({ 'lib:test': '9' }) };
    const { hits, asked } = await settle({ held: ['1', '9'], options });
    expect(hits.map(({ taskId }) => taskId)).toEqual(['lib:build', 'lib:test']);
    expect(asked).toEqual([['1'], ['9']]);
    expect(graph.tasks['lib:test']?.hash).toBe('9');
  });

  it('have none when no cache has it: the agent or job that runs them computes it', async () => {
    const graph = lateGraph();
    const options = { graph, pending: Object.keys(graph.tasks), late: late({ 'lib:test': '9' }) };
    const { hits } = await settle({ held: ['1'], options });
    expect(hits.map(({ taskId }) => taskId)).toEqual(['lib:build']);
    expect(graph.tasks['lib:test']?.hash).toBeUndefined();
  });

  it('have none when their cache entry cannot be sent to agents that need it', async () => {
    const graph = graphOf({ 'a:gen': [], 'a:build': ['a:gen'] }, {}, { 'a:build': { hash: '2' } });
    const options = { graph, pending: Object.keys(graph.tasks), late: late({ 'a:gen': '9' }) };
    const none = { kind: 'none' } as const;
    const broken = {
      askHeld: () => Promise.resolve(new Map<string, null>()),
      putAttempt: () => Promise.reject(new Error('full')),
    };
    const { hits } = await settle({ local: ['a:gen'], stored: none, options: { ...options, http: broken } });
    expect(hits).toEqual([]);
    expect(graph.tasks['a:gen']?.hash).toBeUndefined();
  });
});
