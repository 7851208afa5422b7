import type { CacheEntry } from '../port/shared-cache';
import type { DiskStore } from './disk-store';
import { AREA, Bench, entryOf, never, opener, textOf } from './test-support/bench';
import { crashingDisk } from './test-support/crashing-disk';

/** What the process was told before it was killed. */
interface Told {
  readonly stored: Map<string, CacheEntry>;
  readonly gone: Set<string>;
  /** Begun and not answered. */
  readonly open: Set<string>;
  /** Of these, the ones that are being removed: their bytes may go before their line. */
  readonly leaving: Set<string>;
}

const CONTENTS: readonly (readonly [hash: string, content: string, pipelineId?: string])[] = [
  ['1', 'one'],
  ['2', 'the second', '4712'],
  ['3', 'one'],
  ['4', 'four', '4712'],
];

/** Every kind of change, with bytes that entries share. */
async function work(cache: DiskStore, told: Told, hasCrashed: () => boolean): Promise<void> {
  const put = async ([hash, content, pipelineId]: (typeof CONTENTS)[number]): Promise<void> => {
    const entry = entryOf(hash, content, pipelineId);
    told.open.add(hash);
    await cache.write(AREA, entry, opener(content), never());
    told.open.delete(hash);
    told.gone.delete(hash);
    told.stored.set(hash, entry);
  };
  const lose = async (hashes: readonly string[], how: () => Promise<unknown>): Promise<void> => {
    hashes.forEach((hash) => told.open.add(hash));
    hashes.forEach((hash) => told.leaving.add(hash));
    hashes.forEach((hash) => told.stored.delete(hash));
    await how();
    // Trouble with times of reading and the like is for the log only; a process that was killed answers nobody.
    if (hasCrashed()) throw new Error('crashed');
    hashes.forEach((hash) => told.open.delete(hash));
    hashes.forEach((hash) => told.leaving.delete(hash));
    hashes.forEach((hash) => told.gone.add(hash));
  };
  for (const content of CONTENTS) await put(content);
  await lose(['1'], () => cache.remove(AREA, entryOf('1', 'one')));
  await lose(['2', '4'], () => cache.forget(AREA, '4712'));
  await put(['1', 'another']);
  await put(['2', 'one']);
  await lose(['3'], () => cache.remove(AREA, entryOf('3', 'one')));
  await cache.close();
}

/** @returns false if the work was done before the budget was spent */
async function crashAfter(budget: number): Promise<boolean> {
  const bench = new Bench();
  const told: Told = { stored: new Map(), gone: new Set(), open: new Set(), leaving: new Set() };
  const disk = crashingDisk(budget);
  let dying: DiskStore | null = null;
  try {
    dying = await bench.open({ fs: disk.fs, warn: () => undefined });
    await work(dying, told, disk.hasCrashed);
  } catch (thrown) {
    if (!disk.hasCrashed()) throw thrown;
  }
  const cache = await bench.reopenAfterCrash();
  await checkEntries(bench, cache, told);
  await bench.tidyAll(cache);
  const kept = await cache.find(
    AREA,
    CONTENTS.map(([hash]) => entryOf(hash, '')),
    never(),
  );
  expect(bench.blobs().sort()).toEqual([...new Set(kept.map(({ sha256 }) => sha256))].sort());
  expect(await cache.write(AREA, entryOf('new', 'new'), opener('new'), never())).toBe('stored');
  expect(bench.warnings.filter((text) => !text.includes('1 lines'))).toEqual([]);
  await dying?.close().catch(() => undefined);
  await bench.cleanUp();
  return disk.hasCrashed();
}

async function checkEntries(bench: Bench, cache: DiskStore, told: Told): Promise<void> {
  const found = await cache.find(
    AREA,
    CONTENTS.map(([hash]) => entryOf(hash, '')),
    never(),
  );
  for (const entry of found) {
    const text = await textOf(await cache.read(AREA, entry, never()));
    if (text !== null) expect(entryOf(entry.hash, text).sha256).toBe(entry.sha256);
    if (!told.leaving.has(entry.hash)) expect(text).not.toBeNull();
  }
  const hashes = await bench.found(...CONTENTS.map(([hash]) => hash));
  for (const [hash, { sha256 }] of told.stored)
    expect(found.find((each) => each.hash === hash)?.sha256).toBe(sha256);
  for (const hash of told.gone) if (!told.open.has(hash)) expect(hashes).not.toContain(hash);
}

describe('a process that is killed', () => {
  it('leaves whole entries or none, wherever it is killed', async () => {
    let budget = 0;
    while (await crashAfter(budget)) budget += 1;
    expect(budget).toBeGreaterThan(50);
  }, 300_000);
});
