import type { CacheEntry, NxTask } from '@org/dte-nx-compat';
import { graphOf } from '../test-support/tasks';
import { cachedTasks, type CachedTasksOptions } from './cached-tasks';

const entry: CacheEntry = { code: 0, terminalOutput: '', outputsPath: '' };

/** Caches that contain some hashes; `h <id>` is the hash of a task. */
class Caches {
  readonly fetched: string[] = [];
  readonly hashed: string[] = [];

  constructor(
    private readonly local: readonly string[],
    private readonly remote: readonly string[] = [],
    readonly remoteKind: 'other' | 'none' = 'none',
  ) {}

  lookupLocal = async (tasks: readonly NxTask[]) =>
    new Map(
      tasks.flatMap(({ id, hash }): [string, CacheEntry][] =>
        this.local.includes(hash ?? '') ? [[id, entry]] : [],
      ),
    );

  fetch = async ({ id, hash = '' }: NxTask) => {
    this.fetched.push(id);
    if (this.local.includes(hash)) return { kind: 'local', entry } as const;
    return this.remote.includes(hash) ? ({ kind: 'remote', entry } as const) : ({ kind: 'miss' } as const);
  };

  hash = async ({ id }: NxTask) => {
    this.hashed.push(id);
    return `h ${id}`;
  };
}

/** lib:build <- app:build; each `test` needs its build and is hashed when the build's outputs exist. */
const EDGES = {
  'lib:build': [],
  'app:build': ['lib:build'],
  'lib:test': ['lib:build'],
  'app:test': ['app:build'],
};
const FIELDS = { 'lib:build': { hash: 'h lib:build' }, 'app:build': { hash: 'h app:build' } };

const ask = async (caches: Caches, options: Partial<CachedTasksOptions> = {}): Promise<string[]> => {
  const graph = options.graph ?? graphOf(EDGES, {}, FIELDS);
  const pending = Object.keys(graph.tasks);
  const shared = { graph, pending, noop: [], cache: caches, hasher: caches, concurrency: 2 };
  return [...(await cachedTasks({ ...shared, ...options }))].sort();
};

describe('cachedTasks', () => {
  it('finds what this machine has cached, and hashes nothing late while a dependency is missing', async () => {
    const caches = new Caches(['h lib:build']);
    expect(await ask(caches)).toEqual(['lib:build']);
    expect(caches.hashed).toEqual(['lib:test']);
    expect(caches.fetched).toEqual(['lib:build']);
  });

  it('finds everything, including what is hashed late, when all of it is cached', async () => {
    const caches = new Caches(['h lib:build', 'h app:build', 'h lib:test', 'h app:test']);
    expect(await ask(caches)).toEqual(['app:build', 'app:test', 'lib:build', 'lib:test']);
    expect(caches.fetched.sort()).toEqual(['app:build', 'lib:build']);
  });

  it("asks the organisation's own remote cache, one task at a time", async () => {
    const remote = ['h lib:build', 'h lib:test'];
    expect(await ask(new Caches([], remote, 'other'))).toEqual(['lib:build', 'lib:test']);
    expect(await ask(new Caches([], remote))).toEqual([]);
  });

  it('continues from a late hit with its dependents', async () => {
    const graph = graphOf({ a: [], b: ['a'], c: ['b'] }, {}, { a: { hash: 'h a' } });
    expect(await ask(new Caches(['h a', 'h b', 'h c']), { graph })).toEqual(['a', 'b', 'c']);
    expect(await ask(new Caches(['h a', 'h c']), { graph })).toEqual(['a']);
  });

  it('treats no uncacheable task as cached, and no group task as missing', async () => {
    const graph = graphOf({ all: [], a: ['all'] }, {}, { all: { hash: 'h all', cache: false } });
    const caches = new Caches(['h all', 'h a']);
    expect(await ask(caches, { graph })).toEqual([]);
    expect(await ask(caches, { graph, pending: ['a'], noop: ['all'] })).toEqual(['a']);
  });
});
