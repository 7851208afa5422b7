import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BlockingCalls, QuickFiles } from './quick-files';

let folder: string;
const path = (name: string): string => join(folder, name);

beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'dte-quick-'));
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

/** Files on a disk that takes `tookMs` for each of the next operations. */
function filesOnDisk(): { files: QuickFiles; disk: { nowMs: number; tookMs: number }; use: () => void } {
  const disk = { nowMs: 0, tookMs: 0.1 };
  const calls: BlockingCalls = {
    ...fs,
    openSync: (...args) => {
      disk.nowMs += disk.tookMs;
      return fs.openSync(...args);
    },
  };
  const files = new QuickFiles(calls, () => disk.nowMs);
  fs.writeFileSync(path('kept'), 'kept');
  return { files, disk, use: () => expect(files.read(path('kept'), 4)?.toString()).toBe('kept') };
}

describe('quick files', () => {
  it('writes a file that is complete under its name, readable for its owner only', () => {
    const files = new QuickFiles();
    files.store(path('temp'), path('a'), Buffer.from('content'));
    expect(fs.readdirSync(folder)).toEqual(['a']);
    expect(fs.statSync(path('a')).mode & 0o777).toBe(0o600);
    expect(files.read(path('a'), 7)?.toString()).toBe('content');
  });

  it('reads what a damaged file has: less if it is shorter, null if it is longer', () => {
    const files = new QuickFiles();
    fs.writeFileSync(path('a'), 'content');
    expect(files.read(path('a'), 9)?.toString()).toBe('content');
    fs.writeFileSync(path('b'), '');
    expect(files.read(path('b'), 9)).toHaveLength(0);
    expect(files.read(path('a'), 6)).toBeNull();
    expect(() => files.read(path('gone'), 1)).toThrow(/ENOENT/);
  });

  it.each(['writeFileSync', 'renameSync'] as const)(
    'leaves nothing behind when %s finds a full disk',
    (full) => {
      const noSpace = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
      const files = new QuickFiles({
        ...fs,
        // A part of the file is there by then.
        [full]: (name: string) => {
          fs.writeFileSync(name, 'cont');
          throw noSpace;
        },
      });
      expect(() => files.store(path('temp'), path('a'), Buffer.from('content'))).toThrow(noSpace);
      expect(fs.readdirSync(folder)).toEqual([]);
    },
  );

  it('rests when the disk is slow, and tries again later', () => {
    const { files, disk, use } = filesOnDisk();
    disk.tookMs = 5;
    let uses = 0;
    for (; files.isReady; uses++) use();
    expect(uses).toBeLessThan(20);
    disk.nowMs += 249;
    expect(files.isReady).toBe(false);
    disk.nowMs += 1;
    expect(files.isReady).toBe(true);
    disk.tookMs = 0.1;
    for (uses = 0; uses < 1_000; uses++) use();
    expect(files.isReady).toBe(true);
  });

  it('waits for a disk that is always slow for a small part of the time', () => {
    const { files, disk, use } = filesOnDisk();
    disk.tookMs = 100;
    let waitedMs = 0;
    while (disk.nowMs < 100_000) {
      if (files.isReady) {
        use();
        waitedMs += disk.tookMs;
      } else disk.nowMs += 1;
    }
    expect(waitedMs).toBeLessThan(6_000);
  });

  it('goes on after one operation of many was slow, as on a busy machine', () => {
    const { files, disk, use } = filesOnDisk();
    for (let times = 0; times < 100; times++) {
      disk.tookMs = times % 50 === 25 ? 25 : 0.1;
      use();
    }
    expect(files.isReady).toBe(true);
  });
});
