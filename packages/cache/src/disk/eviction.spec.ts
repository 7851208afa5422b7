import { type FileSystem, nodeFileSystem } from './file-system';
import { AREA, Bench, entryOf, never, opener, OWN, textOf } from './test-support/bench';

const HOUR_MS = 3_600_000;
const OTHER = { ...AREA, projectId: '43' };
const TEN = 'ten bytes.';

describe('a store with a quota', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });
  afterEach(() => bench.cleanUp());

  const put = async (cache: Awaited<ReturnType<Bench['open']>>, hash: string, area = AREA) => {
    const content = `${hash}${TEN}`.slice(0, TEN.length);
    return cache.write(area, entryOf(hash, content), opener(content), never());
  };

  it('removes what was not read for longest when a project is over its share', async () => {
    const cache = await bench.open({ projectBytes: 30 });
    for (const hash of ['1', '2', '3']) await put(cache, hash);
    await textOf(await cache.read(AREA, entryOf('1', `1${TEN}`.slice(0, 10)), never()));
    await put(cache, '4', OWN);
    expect(await bench.found('1', '2', '3')).toEqual(['1', '3']);
    await bench.reopen();
    expect(await bench.found('1', '2', '3')).toEqual(['1', '3']);
    expect(bench.blobs()).toHaveLength(3);
  });

  it('counts an entry as read when somebody asks for it', async () => {
    const cache = await bench.open({ projectBytes: 30 });
    for (const hash of ['1', '2', '3']) await put(cache, hash);
    await bench.found('1', '2');
    await put(cache, '4');
    expect(await bench.found('1', '2', '3', '4')).toEqual(['1', '2', '4']);
  });

  it('leaves the entries of other projects alone when one is over its share', async () => {
    const cache = await bench.open({ projectBytes: 20 });
    await put(cache, '1');
    for (const hash of ['2', '3', '4']) await put(cache, hash, OTHER);
    expect(await bench.found('1')).toEqual(['1']);
    expect(await cache.find(OTHER, [entryOf('2', TEN), entryOf('3', TEN)], never())).toHaveLength(1);
  });

  it('removes what was not read for longest in any project when all are over the quota', async () => {
    const cache = await bench.open({ maxBytes: 30 });
    await put(cache, '1');
    bench.nowMs += 60_000;
    await put(cache, '2', OTHER);
    bench.nowMs += 60_000;
    await put(cache, '3');
    await put(cache, '4', OTHER);
    expect(await bench.found('1', '3')).toEqual(['3']);
    expect(await cache.find(OTHER, [entryOf('2', TEN), entryOf('4', TEN)], never())).toHaveLength(2);
  });

  it('takes no more than half of a disk that is smaller than the quota, and says so', async () => {
    const { statfs } = nodeFileSystem;
    const small = async (path: string) => Object.assign(await statfs(path), { bsize: 1, blocks: 60 });
    const fs = { ...nodeFileSystem, statfs: small } as unknown as FileSystem;
    const cache = await bench.open({ maxBytes: 1000, fs });
    for (const hash of ['1', '2', '3', '4']) await put(cache, hash);
    expect(await bench.found('1', '2', '3', '4')).toEqual(['2', '3', '4']);
    expect(bench.warnings).toEqual([expect.stringContaining('at most 30 bytes, half of its disk')]);
  });

  it('counts bytes that entries share once in all', async () => {
    const cache = await bench.open({ maxBytes: 20 });
    for (const area of [AREA, OWN]) await cache.write(area, entryOf('1', TEN), opener(TEN), never());
    await put(cache, '2', OTHER);
    expect(await bench.found('1')).toEqual(['1']);
    expect(await cache.find(OWN, [entryOf('1', TEN)], never())).toHaveLength(1);
  });

  it('counts bytes that entries share for each of them in their project', async () => {
    const cache = await bench.open({ projectBytes: 20 });
    for (const area of [AREA, OWN]) await cache.write(area, entryOf('1', TEN), opener(TEN), never());
    await put(cache, '3');
    expect(await bench.found('1', '3')).toEqual(['3']);
    expect(await cache.find(OWN, [entryOf('1', TEN)], never())).toHaveLength(1);
  });

  it('counts what is being received', async () => {
    const cache = await bench.open({ projectBytes: 20 });
    const refused = { code: 'DTE_CACHE_QUOTA', message: expect.stringContaining('being received') as string };
    const writes = ['1', '2', '3'].map((hash) => put(cache, hash));
    await expect(writes[2]).rejects.toMatchObject(refused);
    expect(await Promise.all(writes.slice(0, 2))).toEqual(['stored', 'stored']);
    expect(await put(cache, '4')).toBe('stored');
  });

  it('refuses an entry that is larger than a share, and keeps what it has', async () => {
    const cache = await bench.open({ projectBytes: 12 });
    await put(cache, '1');
    const long = `${TEN}${TEN}`;
    const write = cache.write(AREA, entryOf('2', long), opener(long), never());
    await expect(write).rejects.toMatchObject({ code: 'DTE_CACHE_QUOTA' });
    expect(await bench.found('1')).toEqual(['1']);
  });

  it('is opened with a lower one: what is over it goes', async () => {
    const cache = await bench.open();
    for (const hash of ['1', '2', '3', '4']) await put(cache, hash);
    await bench.found('1');
    bench.nowMs += 2 * HOUR_MS;
    await bench.found('2');
    const again = await bench.reopen({ projectBytes: 20 });
    await again.settled();
    expect(await bench.found('1', '2', '3', '4')).toEqual(['2', '4']);
    expect(bench.blobs()).toHaveLength(2);
  });

  it('removes entries that were neither stored nor asked for within their age, and says so to nobody', async () => {
    const cache = await bench.open({ ageMs: 24 * HOUR_MS });
    await put(cache, 'old');
    await put(cache, 'read');
    bench.nowMs += 20 * HOUR_MS;
    await put(cache, 'new');
    await bench.found('read');
    bench.nowMs += 20 * HOUR_MS;
    expect(await bench.found('old')).toEqual([]);
    expect(await put(cache, 'old')).toBe('stored');
    bench.nowMs += 10 * HOUR_MS;
    await cache.tidy();
    await cache.settled();
    expect(bench.blobs()).toHaveLength(1);
    expect(await bench.found('old', 'read', 'new')).toEqual(['old']);
    expect(bench.warnings).toEqual([]);
  });

  it('knows after a restart what was read, with one line an hour at most', async () => {
    const cache = await bench.open({ projectBytes: 20 });
    await put(cache, '1');
    await put(cache, '2');
    await bench.found('1');
    bench.nowMs += HOUR_MS;
    await bench.found('1');
    await cache.flush();
    for (let count = 0; count < 59; count++) {
      bench.nowMs += 60_000;
      await bench.found('1');
      await cache.tidy();
    }
    bench.rewriteIndex((lines) => {
      expect(lines).toHaveLength(3);
      return lines;
    });
    const again = await bench.reopen();
    await put(again, '3');
    expect(await bench.found('1', '2', '3')).toEqual(['1', '3']);
  });

  it('writes its index anew when most of it is of no use, and nothing is lost', async () => {
    const cache = await bench.open({ projectBytes: 100 });
    const names = Array.from({ length: 500 }, (_, index) => String(index));
    const sizes: number[] = [];
    for (const hash of names) {
      const entry = entryOf(hash, TEN);
      const origin = { ...entry.origin, ref: 'long/'.repeat(1_000) };
      await cache.write(AREA, { ...entry, origin }, opener(TEN), never());
      await cache.flush();
      sizes.push(bench.indexBytes());
    }
    expect(Math.max(...sizes)).toBeLessThan(1.2 * 1024 * 1024);
    expect(
      sizes.reduce((sum, size, index) => sum + Math.max(0, size - (sizes[index - 1] ?? 0))),
    ).toBeGreaterThan(2e6);
    const found = await bench.found(...names);
    expect(found).toEqual(names.slice(-10));
    await bench.reopen();
    expect(await bench.found(...names)).toEqual(found);
  });
});
