import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listPaths } from './list';

it.each(['a workspace', 'an entry of its cache'])(
  'lists what is left of %s, or fails, if files disappear while it lists them',
  async (which) => {
    const root = mkdtempSync(join(tmpdir(), 'dte-list-'));
    try {
      const large = join(root, 'large');
      for (const name of ['gone', 'file', 'large']) mkdirSync(join(root, name));
      for (let n = 0; n < 1_500; n++) writeFileSync(join(large, `${n}`), '');
      symlinkSync('1', join(large, 'link'));
      const home = which === 'a workspace' ? root : tmpdir();
      const listing = listPaths(root, ['gone', 'file', 'large'], home);
      // The walk has yielded to other work, and has read only the last folder.
      rmSync(join(root, 'gone'), { recursive: true });
      rmSync(join(root, 'file'), { recursive: true });
      writeFileSync(join(root, 'file'), '');
      if (home !== root) {
        await expect(listing).rejects.toThrow('ENOTDIR');
        return;
      }
      const { entries } = await listing;
      expect(entries).toHaveLength(1_501);
      expect(entries.filter(({ path }) => !path.startsWith('large/'))).toEqual([]);
    } finally {
      rmSync(root, { recursive: true });
    }
  },
);
