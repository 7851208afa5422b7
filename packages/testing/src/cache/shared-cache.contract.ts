import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { CacheArea, CacheEntry, EntryName, SharedCache } from '@org/dte-cache';

/** One adapter under test, empty. */
export interface SharedCacheUnderTest {
  readonly store: SharedCache;
  /** Another process with the same storage, opened now: what the first one has flushed, it finds. The bench closes it. */
  reopen(): Promise<SharedCache>;
  cleanUp(): Promise<void>;
}

const AREA: CacheArea = { issuer: 'https://gitlab.example.com', projectId: '42', scope: 'trusted' };
const OWN: CacheArea = { ...AREA, scope: `own-${'0'.repeat(32)}` };

const sha256Of = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');

const entryOf = (hash: string, content: string | Buffer, change: Partial<CacheEntry> = {}): CacheEntry => ({
  kind: 'cache',
  hash,
  bytes: Buffer.byteLength(content),
  sha256: sha256Of(content),
  origin: {
    pipelineId: '4711',
    jobId: '90210',
    commit: 'a'.repeat(40),
    ref: 'main',
    agent: 'nx-agent 1/3',
    taskId: '@scope/app:build:prod ✓',
    atMs: 1_790_000_000_000,
  },
  ...change,
});

const never = (): AbortSignal => new AbortController().signal;
const opener = (content: string | Buffer) => () => Readable.from([Buffer.from(content)]);

async function textOf(body: Readable | null): Promise<string | null> {
  if (body === null) return null;
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** The adapter under test, in the words of the specs. */
class Bench {
  constructor(private readonly current: () => SharedCacheUnderTest) {}

  get store(): SharedCache {
    return this.current().store;
  }

  reopen(): Promise<SharedCache> {
    return this.current().reopen();
  }

  put(area: CacheArea, entry: CacheEntry, content: string | Buffer): Promise<'stored' | 'exists'> {
    return this.store.write(area, entry, opener(content), never());
  }

  find(area: CacheArea, ...names: EntryName[]): Promise<CacheEntry[]> {
    return this.store.find(area, names, never());
  }

  read(area: CacheArea, entry: CacheEntry): Promise<string | null> {
    return this.store.read(area, entry, never()).then(textOf);
  }
}

const name = (hash: string): EntryName => ({ kind: 'cache', hash });

/** The contract of every shared cache. */
export function sharedCacheContract(adapter: string, create: () => Promise<SharedCacheUnderTest>): void {
  describe(`shared cache: ${adapter}`, () => {
    let current: SharedCacheUnderTest;
    beforeEach(async () => {
      current = await create();
    });
    afterEach(() => current.cleanUp());

    const bench = new Bench(() => current);
    keepsEntries(bench);
    keepsApart(bench);
    staysWhole(bench);
    removesAndForgets(bench);
  });
}

function keepsEntries(bench: Bench): void {
  it('gives back what was stored, with its origin', async () => {
    const entry = entryOf('1', 'one');
    expect(await bench.put(AREA, entry, 'one')).toBe('stored');
    expect(await bench.find(AREA, name('1'))).toEqual([entry]);
    expect(await bench.read(AREA, entry)).toBe('one');
  });

  it('leaves out misses and keeps the order of the question', async () => {
    await bench.put(AREA, entryOf('1', 'one'), 'one');
    await bench.put(AREA, entryOf('2', 'two'), 'two');
    const found = await bench.find(AREA, name('2'), name('3'), name('1'));
    expect(found.map(({ hash }) => hash)).toEqual(['2', '1']);
    expect(await bench.find(AREA)).toEqual([]);
  });

  it('keeps the first entry of a name', async () => {
    const first = entryOf('1', 'first');
    await bench.put(AREA, first, 'first');
    expect(await bench.put(AREA, entryOf('1', 'second'), 'second')).toBe('exists');
    expect(await bench.find(AREA, name('1'))).toEqual([first]);
    expect(await bench.read(AREA, first)).toBe('first');
  });

  it('keeps one of two that are written at the same time, whole', async () => {
    const contents = ['first', 'second, longer'];
    const results = await Promise.all(contents.map((each) => bench.put(AREA, entryOf('1', each), each)));
    expect(results).toContain('stored');
    const [kept] = await bench.find(AREA, name('1'));
    expect(contents.map(sha256Of)).toContain(kept?.sha256);
    if (kept !== undefined) expect(sha256Of((await bench.read(AREA, kept)) ?? '')).toBe(kept.sha256);
  });

  it('keeps kinds apart', async () => {
    const terminal = entryOf('1', 'text', { kind: 'terminal' });
    await bench.put(AREA, terminal, 'text');
    expect(await bench.find(AREA, name('1'))).toEqual([]);
    await bench.put(AREA, entryOf('1', 'outputs'), 'outputs');
    expect(await bench.find(AREA, { kind: 'terminal', hash: '1' })).toEqual([terminal]);
  });
}

function keepsApart(bench: Bench): void {
  it('keeps scopes, projects and instances apart', async () => {
    await bench.put(OWN, entryOf('1', 'of a merge request'), 'of a merge request');
    const others: CacheArea[] = [
      AREA,
      { ...OWN, projectId: '43' },
      { ...OWN, issuer: 'https://gitlab.other.example' },
      { ...OWN, scope: `own-${'1'.repeat(32)}` },
    ];
    for (const area of others) expect(await bench.find(area, name('1'))).toEqual([]);
    await bench.put(AREA, entryOf('1', 'of main'), 'of main');
    const [own] = await bench.find(OWN, name('1'));
    expect(own === undefined ? null : await bench.read(OWN, own)).toBe('of a merge request');
  });

  it('keeps an entry of a scope when the same bytes go from another', async () => {
    const entry = entryOf('1', 'same');
    await bench.put(AREA, entry, 'same');
    await bench.put(OWN, entry, 'same');
    await bench.store.remove(OWN, entry);
    expect(await bench.find(OWN, name('1'))).toEqual([]);
    expect(await bench.read(AREA, entry)).toBe('same');
  });
}

function staysWhole(bench: Bench): void {
  it('stores nothing of a body that breaks off or is another', async () => {
    const broken = () =>
      Readable.from(
        (function* () {
          yield Buffer.from('on');
          throw new Error('connection reset');
        })(),
      );
    await expect(bench.store.write(AREA, entryOf('1', 'one'), broken, never())).rejects.toThrow();
    await expect(bench.put(AREA, entryOf('1', 'one'), 'two')).rejects.toThrow();
    await expect(bench.put(AREA, entryOf('1', 'one'), 'o')).rejects.toThrow();
    expect(await bench.find(AREA, name('1'))).toEqual([]);
    expect(await bench.put(AREA, entryOf('1', 'one'), 'one')).toBe('stored');
  });

  it('stores empty and large bodies', async () => {
    const large = Buffer.alloc(9_000_000, 'large ');
    await bench.put(AREA, entryOf('0', ''), '');
    await bench.put(AREA, entryOf('1', large), large);
    expect(await bench.read(AREA, entryOf('0', ''))).toBe('');
    expect(sha256Of((await bench.read(AREA, entryOf('1', large))) ?? '')).toBe(sha256Of(large));
  });

  it('removes an entry, and its name is free again', async () => {
    const entry = entryOf('1', 'damaged');
    await bench.put(AREA, entry, 'damaged');
    await bench.store.remove(AREA, entry);
    expect(await bench.find(AREA, name('1'))).toEqual([]);
    expect(await bench.put(AREA, entryOf('1', 'good'), 'good')).toBe('stored');
    await bench.store.remove(AREA, entry);
    expect(await bench.read(AREA, entryOf('1', 'good'))).toBe('good');
  });
}

function removesAndForgets(bench: Bench): void {
  it('forgets what a pipeline has written in all scopes, and nothing else', async () => {
    const origin = { ...entryOf('1', '').origin, pipelineId: '4712' };
    await bench.put(AREA, entryOf('1', 'one'), 'one');
    await bench.put(AREA, entryOf('2', 'two', { origin }), 'two');
    await bench.put(OWN, entryOf('3', 'three', { origin }), 'three');
    const elsewhere = { ...AREA, projectId: '43' };
    await bench.put(elsewhere, entryOf('4', 'four', { origin }), 'four');
    expect(await bench.store.forget(AREA, '4712')).toBe(2);
    expect(await bench.find(AREA, name('1'), name('2'))).toHaveLength(1);
    expect(await bench.find(OWN, name('3'))).toEqual([]);
    expect(await bench.find(elsewhere, name('4'))).toHaveLength(1);
    expect(await bench.store.forget(AREA, '4712')).toBe(0);
  });

  it('is found by another process after a flush', async () => {
    const entry = entryOf('1', 'one');
    await bench.put(AREA, entry, 'one');
    await bench.store.flush();
    const other = await bench.reopen();
    expect(await other.find(AREA, [name('1')], never())).toEqual([entry]);
    expect(await textOf(await other.read(AREA, entry, never()))).toBe('one');
  });

  it('knows that bytes are gone', async () => {
    const entry = entryOf('1', 'one');
    await bench.put(AREA, entry, 'one');
    await bench.store.remove(AREA, entry);
    expect(await bench.read(AREA, entry)).toBeNull();
  });
}
