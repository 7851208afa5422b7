import type { CacheEntry, FetchResult, StoreOutcome, TaskCache } from '@org/dte-nx-compat';
import { readLimits } from '@org/dte-protocol';
import { settleFromCache, type SettleOptions } from './settle-cache';
import { graphOf } from './test-support/tasks';

const entry: CacheEntry = { code: 0, terminalOutput: 'out', outputsPath: '/x' };
const graph = graphOf(
  { 'lib:build': [], 'app:build': ['lib:build'], 'app:test': ['app:build'] },
  {},
  { 'lib:build': { hash: '1' }, 'app:build': { hash: '2' }, 'app:test': { hash: '3' } },
);

interface World {
  local?: string[];
  held?: string[];
  other?: string[];
  remoteKind?: TaskCache['remoteKind'];
  stored?: StoreOutcome;
  options?: Partial<SettleOptions>;
}

async function settle({
  local = [],
  held = [],
  other = [],
  remoteKind = 'ours',
  stored = { kind: 'stored' },
  options,
}: World) {
  const asked: string[][] = [];
  const uploaded: string[] = [];
  const archived: string[] = [];
  const cache: TaskCache = {
    remoteKind,
    lookupLocal: (tasks) =>
      Promise.resolve(new Map(tasks.filter(({ id }) => local.includes(id)).map(({ id }) => [id, entry]))),
    fetch: ({ id }): Promise<FetchResult> =>
      Promise.resolve(
        local.includes(id)
          ? { kind: 'local', entry }
          : other.includes(id)
            ? { kind: 'remote', entry }
            : { kind: 'miss' },
      ),
    uploadFromLocal: ({ id }) => {
      uploaded.push(id);
      return Promise.resolve(stored);
    },
    recordTaskDetails: jest.fn(),
    keepTerminalOutput: () => Promise.resolve(),
  };
  const hits = await settleFromCache({
    graph,
    pending: Object.keys(graph.tasks),
    cache,
    runId: 'r',
    workspaceRoot: '/w',
    limits: readLimits({}).limits,
    skipNxCache: false,
    skipRemoteCache: false,
    outputs: { expand: () => [], remove: () => undefined },
    http: {
      askHeld: (hashes) => {
        asked.push([...hashes]);
        return Promise.resolve(new Set(hashes.filter((hash) => held.includes(hash))));
      },
      putAttempt: (_run, taskId) => {
        archived.push(taskId);
        return Promise.resolve('stored');
      },
    },
    ...options,
  });
  return { hits, asked, uploaded, archived };
}

describe('settleFromCache', () => {
  it('asks the coordinator one question about all hashes', async () => {
    expect((await settle({})).asked).toEqual([['1', '2', '3']]);
  });

  it('finds what the coordinator holds', async () => {
    const { hits, uploaded } = await settle({ held: ['1', '2'] });
    expect(hits).toEqual([
      { taskId: 'lib:build', artifact: { kind: 'cache', hash: '1' }, local: false },
      { taskId: 'app:build', artifact: { kind: 'cache', hash: '2' }, local: false },
    ]);
    expect(uploaded).toEqual([]);
  });

  it('sends local hits that pending tasks need, directly or not, and no others', async () => {
    expect((await settle({ local: ['lib:build', 'app:build'] })).uploaded).toEqual([
      'lib:build',
      'app:build',
    ]);
    const nothingPending = await settle({ local: ['lib:build', 'app:build', 'app:test'] });
    expect(nothingPending.uploaded).toEqual([]);
    expect(nothingPending.hits.map(({ artifact }) => artifact.kind)).toEqual(['none', 'none', 'none']);
  });

  it('sends an archive when the organisation has a remote cache of its own', async () => {
    for (const place of ['other', 'local'] as const) {
      const { hits, archived } = await settle({
        remoteKind: 'other',
        [place]: ['lib:build'],
        stored: { kind: 'none' },
      });
      expect(archived).toEqual(['lib:build']);
      expect(hits).toEqual([{ taskId: 'lib:build', artifact: { kind: 'attempt', attempt: 0 }, local: true }]);
    }
  });

  it('lets an agent run what cannot be sent', async () => {
    const putAttempt = () => Promise.reject(new Error('no'));
    const http = { askHeld: () => Promise.resolve(new Set<string>()), putAttempt };
    const { hits } = await settle({
      local: ['lib:build'],
      stored: { kind: 'failed', message: 'x' },
      options: { http },
    });
    expect(hits).toEqual([]);
  });

  it('finds nothing with --skip-nx-cache, and asks nobody', async () => {
    expect(await settle({ held: ['1'], local: ['lib:build'], options: { skipNxCache: true } })).toMatchObject(
      { hits: [], asked: [] },
    );
  });

  it('takes nothing from the coordinator with --skip-remote-cache', async () => {
    expect((await settle({ held: ['1'], options: { skipRemoteCache: true } })).hits).toEqual([]);
  });
});
