import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { resolveNx, type NxInstall } from '../install/nx-install';
import { expandOutputs } from './expand';
import { listOutputs, summaryOf } from './list';
import { removePaths } from './remove';
import { replaceOutputs } from './replace';
import { trackedByGlobs } from './tracked';

const GLOBS = ['packages/a/**/*.js', 'packages/*/gen'];

describe('what git tracks', () => {
  let root: string;
  let entry: string;
  let nx: NxInstall;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'dte-tracked-'));
    entry = join(root, '.nx/entry');
    nx = { ...resolveNx(process.cwd()), workspaceRoot: root };
    const sources = ['packages/a/src/new.spec.js', 'packages/a/gen/kept.ts', 'dist/kept.js', 'dist/[a].js'];
    for (const path of sources) put(root, path);
    git('init', '--quiet');
    git('add', '--all');
    git('commit', '--quiet', '--message', 'First');
    for (const path of ['packages/a/src/old.js', 'packages/a/gen/old.ts', 'packages/a/new.js'])
      put(root, path);
    put(entry, 'packages/a/new.js');
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const git = (...args: string[]): void =>
    void execFileSync('git', ['-c', 'user.name=T', '-c', 'user.email=t@example.test', ...args], {
      cwd: root,
      stdio: 'pipe',
    });
  const put = (folder: string, path: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), path);
  };
  const isThere = (path: string): boolean => existsSync(join(root, path));

  it('stays if a glob matches it and a cache entry lacks it, and everything else is removed', async () => {
    const summary = await replaceOutputs(nx, entry, GLOBS);
    expect(isThere('packages/a/src/new.spec.js')).toBe(true);
    expect(isThere('packages/a/gen/kept.ts')).toBe(true);
    expect(isThere('packages/a/src/old.js')).toBe(false);
    expect(isThere('packages/a/gen/old.ts')).toBe(false);
    // The state that a later process finds on this disk.
    expect(summary).toEqual(summaryOf((await listOutputs(root, GLOBS, nx)).entries));
    expect(summary.entries).toBe(3);
  });

  it('is removed with a folder that an output names: the task has emptied it', async () => {
    await replaceOutputs(nx, entry, ['dist', ...GLOBS]);
    expect(isThere('dist/kept.js')).toBe(false);
  });

  it('is removed with everything if there is no repository, and stays with everything if git fails', async () => {
    put(root, '.git/index');
    await replaceOutputs(nx, entry, GLOBS);
    expect(isThere('packages/a/src/old.js')).toBe(true);
    rmSync(join(root, '.git'), { recursive: true });
    await replaceOutputs(nx, entry, GLOBS);
    expect(isThere('packages/a/src/new.spec.js')).toBe(false);
    expect(isThere('packages/a/src/old.js')).toBe(false);
  });

  it('stays in a folder that a glob matches when outputs are removed', () => {
    const outputs = ['dist/*.js', ...GLOBS];
    put(root, 'dist/old.js');
    const paths = expandOutputs(root, outputs, nx);
    removePaths(root, paths, {}, trackedByGlobs(root, paths, outputs));
    expect(expandOutputs(root, outputs, nx)).toEqual(
      expect.arrayContaining(['dist/[a].js', 'dist/kept.js', 'packages/a/gen', 'packages/a/src/new.spec.js']),
    );
    expect(isThere('packages/a/gen/kept.ts')).toBe(true);
    expect(isThere('packages/a/gen/old.ts')).toBe(false);
    expect(isThere('packages/a/src/old.js')).toBe(false);
    expect(isThere('dist/old.js')).toBe(false);
  });
});
