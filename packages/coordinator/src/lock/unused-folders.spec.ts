import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeUnusedFolders } from './unused-folders';

describe('removeUnusedFolders', () => {
  it('removes data folders whose coordinator has been gone for long, and nothing else', async () => {
    const parent = mkdtempSync(join(tmpdir(), 'dte-unused-'));
    const add = (name: string, ageMs: number): void => {
      mkdirSync(join(parent, name));
      const path = join(parent, name, 'coordinator.lock.3');
      writeFileSync(path, '');
      const date = new Date(Date.now() - ageMs);
      utimesSync(path, date, date);
    };
    add('session-old', 100_000);
    add('session-new', 0);
    add('other', 100_000);
    mkdirSync(join(parent, 'session-without'));
    try {
      await removeUnusedFolders({ parent, prefix: 'session-', unusedMs: 50_000 });
      expect(readdirSync(parent).sort()).toEqual(['other', 'session-new', 'session-without']);
    } finally {
      rmSync(parent, { recursive: true });
    }
  });
});
