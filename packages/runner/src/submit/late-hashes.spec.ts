import type { NxTask } from '@org/dte-nx-compat';
import { createLateHashes, type Settled } from './late-hashes';
import { graphOf } from '../test-support/tasks';

const HIT: Settled = { failed: false, local: true };

interface World {
  edges: Record<string, readonly string[]>;
  continuous?: Record<string, readonly string[]>;
  /** Hashed by Nx. */
  hashed?: string[];
  noop?: string[];
  uncached?: string[];
  batches?: [string, string][];
  left?: string[];
  /** What cannot be restored. */
  lost?: string[];
  hash?: (task: NxTask) => Promise<string>;
}

function world({ edges, continuous, hashed = [], noop = [], uncached = [], ...rest }: World) {
  const fields = Object.fromEntries(
    Object.keys(edges).map((id) => [
      id,
      { cache: !uncached.includes(id), ...(hashed.includes(id) ? { hash: `nx ${id}` } : {}) },
    ]),
  );
  const graph = graphOf(edges, continuous, fields);
  const brought: string[] = [];
  const late = createLateHashes({
    graph,
    plan: { pending: Object.keys(edges).filter((id) => !noop.includes(id)), noop },
    batches: new Map(rest.batches ?? []),
    hasher: { hash: rest.hash ?? (({ id }) => Promise.resolve(`late ${id}`)) },
    bring: ({ id }) => {
      brought.push(id);
      return Promise.resolve(rest.lost?.includes(id) !== true);
    },
    isLeft: ({ id }) => rest.left?.includes(id) === true,
    concurrency: 2,
  });
  const next = async (settled: Record<string, Settled> = {}): Promise<string[]> =>
    [...(await late.next(new Map(Object.entries(settled)))).keys()].sort();
  return { graph, brought, next };
}

const CHAIN = { 'lib:build': [], 'app:build': ['lib:build'], 'app:test': ['app:build'] };

describe('a task without a hash', () => {
  it('is hashed at once when it has no dependencies, and is not changed by it', async () => {
    const { graph, brought, next } = world({ edges: { 'a:lint': [], 'b:lint': [] } });
    expect(await next()).toEqual(['a:lint', 'b:lint']);
    expect(Object.values(graph.tasks).map(({ hash }) => hash)).toEqual([undefined, undefined]);
    expect(brought).toEqual([]);
    expect(await next()).toEqual([]);
  });

  it('waits until all its dependencies, direct or not, are settled, and has them restored, in order', async () => {
    const { brought, next } = world({ edges: CHAIN, hashed: ['lib:build', 'app:build'] });
    expect(await next()).toEqual([]);
    expect(await next({ 'app:build': HIT })).toEqual([]);
    expect(await next({ 'lib:build': HIT, 'app:build': HIT })).toEqual(['app:test']);
    expect(brought).toEqual(['lib:build', 'app:build']);
  });

  it('follows another such task, which is restored once for all', async () => {
    const edges = { 'a:gen': [], 'a:build': ['a:gen'], 'a:test': ['a:gen'] };
    const { brought, next } = world({ edges });
    expect(await next()).toEqual(['a:gen']);
    expect(await next({ 'a:gen': HIT })).toEqual(['a:build', 'a:test']);
    expect(brought).toEqual(['a:gen']);
  });

  it('does not wait for tasks that only group others', async () => {
    const edges = { 'a:part': [], 'a:all': ['a:part'], 'a:check': ['a:all'] };
    const { next } = world({ edges, hashed: ['a:part'], noop: ['a:all'] });
    expect(await next()).toEqual([]);
    expect(await next({ 'a:part': HIT })).toEqual(['a:check']);
  });

  it.each<[string, Partial<World>, Record<string, Settled>]>([
    ['needs what failed in a cache', {}, { 'lib:build': HIT, 'app:build': { failed: true, local: true } }],
    ['needs what is not cached', { uncached: ['lib:build'] }, { 'app:build': HIT }],
    ['needs what can no longer be fetched', { lost: ['lib:build'] }, { 'lib:build': HIT, 'app:build': HIT }],
    [
      'needs outputs that stay elsewhere',
      { left: ['lib:build'] },
      { 'lib:build': { failed: false, local: false }, 'app:build': HIT },
    ],
    ['is one of a batch', { batches: [['app:test', 'executor 1']] }, { 'lib:build': HIT, 'app:build': HIT }],
    ['is not cached itself', { uncached: ['app:test'] }, { 'lib:build': HIT, 'app:build': HIT }],
    [
      'has a hasher that fails',
      { hash: () => Promise.reject(new Error('no')) },
      { 'lib:build': HIT, 'app:build': HIT },
    ],
  ])('is left to agents when it %s', async (_, more, settled) => {
    const { next } = world({ edges: CHAIN, hashed: ['lib:build', 'app:build'], ...more });
    expect(await next(settled)).toEqual([]);
  });

  it('is left to agents when it or a dependency needs a server', async () => {
    const edges = { 'a:serve': [], 'a:gen': [], 'a:e2e': ['a:gen'] };
    const { next } = world({ edges, continuous: { 'a:gen': ['a:serve'] }, uncached: ['a:serve'] });
    expect(await next()).toEqual([]);
  });

  it('is hashed from outputs in the cache of this machine, even if the policy leaves other outputs where they are', async () => {
    const { next } = world({
      edges: CHAIN,
      hashed: ['lib:build', 'app:build'],
      left: ['lib:build', 'app:build'],
    });
    expect(await next({ 'lib:build': HIT, 'app:build': HIT })).toEqual(['app:test']);
  });
});
