import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveNx } from '../install/nx-install';
import type { NxCache } from './nx-cache';
import { TrueEntries } from './true-entries';

describe('an entry that is restored while another process writes there', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'dte-entries-'));
    mkdirSync(join(root, '.nx/entry/dist'), { recursive: true });
    writeFileSync(join(root, '.nx/entry/dist/out.js'), 'built');
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  /** Copies, but loses the copied files the first few times. */
  const copying = (losses: number): { place: () => Promise<unknown>; copies: () => number } => {
    let copies = 0;
    const outputsPath = join(root, '.nx/entry');
    const cache = {
      get: () => Promise.resolve(null),
      put: () => Promise.resolve(undefined),
      copyFilesFromCache: () => {
        copies++;
        cpSync(outputsPath, root, { recursive: true });
        if (copies <= losses) rmSync(join(root, 'dist'), { recursive: true });
        return Promise.resolve(1);
      },
    } as unknown as NxCache;
    new TrueEntries({ ...resolveNx(process.cwd()), workspaceRoot: root }, undefined).guard(cache);
    const entry = { code: 0, terminalOutput: '', outputsPath };
    return { place: () => cache.copyFilesFromCache('42', entry, ['dist']), copies: () => copies };
  };

  it('is restored again, and Nx continues', async () => {
    const { place, copies } = copying(1);
    await expect(place()).resolves.toBe(1);
    expect(copies()).toBe(2);
    expect(existsSync(join(root, 'dist/out.js'))).toBe(true);
  });

  it('fails when restoring it has failed twice', async () => {
    const { place, copies } = copying(2);
    await expect(place()).rejects.toThrow('1 outputs did not arrive');
    expect(copies()).toBe(2);
  });
});
