import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sharedCacheContract } from '@org/dte-testing';
import { DiskCache } from './disk-cache';
import { AREA, entryOf, never, opener } from './test-support/bench';

const cacheIn = (folder: string): DiskCache =>
  new DiskCache({
    folder,
    maxBytes: 1e9,
    projectBytes: 1e9,
    ageMs: 1e9,
    warn: (message) => {
      throw new Error(message);
    },
  });

sharedCacheContract('disk', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dte-disk-cache-'));
  const opened: DiskCache[] = [];
  const open = (): DiskCache => {
    const cache = cacheIn(folder);
    opened.push(cache);
    return cache;
  };
  return Promise.resolve({
    store: open(),
    reopen: () => Promise.resolve(open()),
    cleanUp: async () => {
      for (const cache of opened) await cache.close();
      rmSync(folder, { recursive: true });
    },
  });
});

describe('the folder of the shared cache', () => {
  let parent: string;
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'dte-disk-cache-'));
  });
  afterEach(() => rmSync(parent, { recursive: true }));

  it('is touched by the first call, not before: until then, another process may have it', async () => {
    const folder = join(parent, 'cache');
    const cache = cacheIn(folder);
    await cache.flush();
    await cacheIn(folder).close();
    expect(existsSync(folder)).toBe(false);
    expect(await cache.find(AREA, [], never())).toEqual([]);
    expect(existsSync(folder)).toBe(true);
    await cache.close();
  });

  it('is not touched after the end', async () => {
    const cache = cacheIn(join(parent, 'cache'));
    const begun = cache.write(AREA, entryOf('1', 'one'), opener('one'), never());
    await begun;
    await cache.close();
    await expect(cache.find(AREA, [], never())).rejects.toThrow('closed already');
  });

  it('cannot be opened: the call fails, and a later one tries again', async () => {
    const folder = join(parent, 'cache');
    writeFileSync(folder, 'in the way');
    const cache = cacheIn(folder);
    await expect(cache.find(AREA, [], never())).rejects.toThrow('EEXIST');
    rmSync(folder);
    expect(await cache.write(AREA, entryOf('1', 'one'), opener('one'), never())).toBe('stored');
    await cache.close();
  });
});
