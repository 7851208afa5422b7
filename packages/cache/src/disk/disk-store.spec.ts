import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AREA, Bench, entryOf, never, opener, OWN, textOf } from './test-support/bench';

describe('the disk', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });
  afterEach(() => bench.cleanUp());

  it('has equal bytes once, whatever names them', async () => {
    const cache = await bench.open();
    for (const area of [AREA, OWN, { ...AREA, projectId: '43' }])
      await cache.write(area, entryOf('1', 'same'), opener('same'), never());
    expect(bench.blobs()).toEqual([entryOf('1', 'same').sha256]);
    await cache.remove(AREA, entryOf('1', 'same'));
    await cache.remove(OWN, entryOf('1', 'same'));
    await bench.reopen();
    expect(bench.blobs()).toHaveLength(1);
  });

  it('has files that nobody else may read, and no part of a path that somebody chose', async () => {
    const cache = await bench.open();
    const area = { issuer: 'https://../../x', projectId: '../..', scope: '../../../escape' };
    await cache.write(area, entryOf('../../hash', 'one'), opener('one'), never());
    const files = bench.files();
    expect(files.map((file) => file.replace(/[0-9a-f]{64}/, '<sha256>').replace(/\/..\//, '/ab/'))).toEqual([
      'blobs/ab/<sha256>',
      'index-1',
    ]);
    for (const file of files) expect(statSync(join(bench.folder, file)).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(bench.folder, 'tmp'))).toEqual([]);
  });

  it('is full: nothing is stored, the message names the folder, and everything else works', async () => {
    const cache = await bench.open();
    await cache.write(AREA, entryOf('1', 'one'), opener('one'), never());
    bench.disk.isFull = true;
    await expect(cache.write(AREA, entryOf('2', 'two'), opener('two'), never())).rejects.toMatchObject({
      code: 'DTE_DISK_FULL',
      message: expect.stringContaining(bench.folder) as string,
    });
    expect(await bench.found('1', '2')).toEqual(['1']);
    expect(await textOf(await cache.read(AREA, entryOf('1', 'one'), never()))).toBe('one');
    await cache.remove(AREA, entryOf('1', 'one'));
    expect(await bench.found('1', '2')).toEqual([]);
    bench.disk.isFull = false;
    expect(await cache.write(AREA, entryOf('2', 'two'), opener('two'), never())).toBe('stored');
    await bench.reopen();
    expect(await bench.found('1', '2')).toEqual(['2']);
    expect(bench.blobs()).toEqual([entryOf('2', 'two').sha256]);
  });

  it('is full between the bytes and the line of an entry: neither is left', async () => {
    const cache = await bench.open();
    await cache.write(AREA, entryOf('1', 'one'), opener('one'), never());
    bench.disk.bytesLeft = 'two'.length + 20;
    await expect(cache.write(AREA, entryOf('2', 'two'), opener('two'), never())).rejects.toMatchObject({
      code: 'DTE_DISK_FULL',
    });
    bench.disk.bytesLeft = Infinity;
    await cache.write(AREA, entryOf('3', 'three'), opener('three'), never());
    await bench.reopen();
    expect(await bench.found('1', '2', '3')).toEqual(['1', '3']);
    expect(bench.blobs()).toHaveLength(2);
  });

  it('has damaged bytes: they are given out, then removed, and a fresh write replaces them for all that name them', async () => {
    const cache = await bench.open();
    const entry = entryOf('1', 'one');
    await cache.write(AREA, entry, opener('one'), never());
    await cache.write(OWN, entry, opener('one'), never());
    bench.damage(entry.sha256, 'eno');
    expect(await textOf(await cache.read(AREA, entry, never()))).toBe('eno');
    await cache.remove(AREA, entry);
    expect(await bench.found('1')).toEqual([]);
    expect(await cache.write(AREA, entry, opener('one'), never())).toBe('stored');
    expect(await textOf(await cache.read(AREA, entry, never()))).toBe('one');
    expect(await textOf(await cache.read(OWN, entry, never()))).toBe('one');
  });

  it.each([
    ['is gone', null],
    ['was cut off', 'o'],
  ])('has an index line whose file %s: a miss, and the name is free', async (_, content) => {
    const cache = await bench.open();
    const entry = entryOf('1', 'one');
    await cache.write(AREA, entry, opener('one'), never());
    bench.damage(entry.sha256, content);
    expect(await cache.read(AREA, entry, never())).toBeNull();
    expect(await bench.found('1')).toEqual([]);
    expect(await cache.write(AREA, entry, opener('one'), never())).toBe('stored');
  });

  it('has files that no line names: they are removed in the background, with unfinished ones', async () => {
    const cache = await bench.open();
    await cache.write(AREA, entryOf('1', 'one'), opener('one'), never());
    const orphan = entryOf('2', 'two').sha256;
    bench.damage(orphan, 'two');
    bench.leaveUnfinished();
    const again = await bench.reopen();
    expect(readdirSync(join(bench.folder, 'tmp'))).toEqual([]);
    expect(bench.blobs()).toContain(orphan);
    await bench.tidyAll(again);
    expect(bench.blobs()).toEqual([entryOf('1', 'one').sha256]);
  });

  it('has an index with damaged lines: what they say is missing, the rest is there', async () => {
    const cache = await bench.open();
    for (const hash of ['1', '2', '3']) await cache.write(AREA, entryOf(hash, hash), opener(hash), never());
    bench.rewriteIndex((lines) => [
      lines[0] ?? '',
      'damaged',
      (lines[1] ?? '').replace('gitlab', 'gitleb'),
      lines[2] ?? '',
    ]);
    await bench.reopen();
    expect(await bench.found('1', '2', '3')).toEqual(['1', '3']);
    expect(bench.warnings).toEqual([expect.stringContaining('2 lines')]);
  });

  it('is asked by a caller who has given up', async () => {
    const cache = await bench.open();
    await cache.write(AREA, entryOf('1', 'one'), opener('one'), never());
    const gone = AbortSignal.abort();
    await expect(cache.find(AREA, [], gone)).rejects.toThrow('aborted');
    await expect(cache.read(AREA, entryOf('1', 'one'), gone)).rejects.toThrow('aborted');
    await expect(cache.write(AREA, entryOf('2', 'two'), opener('two'), gone)).rejects.toThrow('aborted');
    expect(await bench.found('1', '2')).toEqual(['1']);
    expect(readdirSync(join(bench.folder, 'tmp'))).toEqual([]);
  });
});

describe('bytes that come again', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });
  afterEach(() => bench.cleanUp());

  it('while they are being removed are there afterwards', async () => {
    const cache = await bench.open();
    const entry = entryOf('1', 'one');
    await cache.write(AREA, entry, opener('one'), never());
    let remove = (): void => undefined;
    bench.disk.beforeRemoval = () => new Promise((resolve) => (remove = resolve));
    await cache.remove(AREA, entry);
    bench.disk.beforeRemoval = () => Promise.resolve();
    // The slow removal ends when the new bytes are complete, and renamed if nothing holds them back.
    const writing = cache.write(AREA, entry, opener('one'), never());
    await bench.turns(200);
    remove();
    expect(await writing).toBe('stored');
    await cache.settled();
    expect(await textOf(await cache.read(AREA, entry, never()))).toBe('one');
  });

  it('while the folder is compared with the index are no leftovers', async () => {
    const cache = await bench.open();
    bench.disk.afterRename = async () => {
      bench.disk.afterRename = () => Promise.resolve();
      await bench.tidyAll(cache);
    };
    await cache.write(AREA, entryOf('1', 'one'), opener('one'), never());
    expect(await textOf(await cache.read(AREA, entryOf('1', 'one'), never()))).toBe('one');
  });
});

describe('what was forgotten', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });
  afterEach(() => bench.cleanUp());

  it('is in no line of the index, so that damage cannot bring it back', async () => {
    const cache = await bench.open();
    await cache.write(AREA, entryOf('1', 'one'), opener('one'), never());
    await cache.write(AREA, entryOf('2', 'two', '4712'), opener('two'), never());
    expect(await cache.forget(AREA, '4712')).toBe(1);
    expect(bench.blobs()).toEqual([entryOf('1', 'one').sha256]);
    bench.rewriteIndex((lines) => {
      expect(lines.join()).not.toContain('4712');
      return lines;
    });
    await bench.reopen();
    expect(await bench.found('1', '2')).toEqual(['1']);
  });

  it('is written when the disk has room again', async () => {
    const cache = await bench.open();
    await cache.write(AREA, entryOf('1', 'one'), opener('one'), never());
    await cache.write(AREA, entryOf('2', 'two', '4712'), opener('two'), never());
    bench.disk.isFull = true;
    await expect(cache.forget(AREA, '4712')).rejects.toMatchObject({ code: 'DTE_DISK_FULL' });
    expect(await bench.found('2')).toEqual([]);
    bench.disk.isFull = false;
    expect(await cache.forget(AREA, '4712')).toBe(0);
    bench.rewriteIndex((lines) => {
      expect(lines.join()).not.toContain('4712');
      return lines;
    });
    await bench.reopen();
    expect(await bench.found('1', '2')).toEqual(['1']);
  });
});
