import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { notAsCommitted, readWorkingTree } from './working-tree';

const limits = { gitCommandMs: 60_000 };

describe.each(['.', 'below/the root'])('the working tree of a workspace at %s of its repository', (place) => {
  let folder: string;
  let root: string;
  const git = (...args: string[]): void =>
    void execFileSync('git', ['-c', 'user.name=T', '-c', 'user.email=t@example.test', ...args], {
      cwd: folder,
      stdio: 'pipe',
    });
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dte-tree-'));
    root = join(folder, place);
    mkdirSync(root, { recursive: true });
    git('init', '--quiet');
    write('.gitignore', 'dist\n');
    for (const path of ['a.txt', 'b c.txt', 'd/ü.txt', 'out/kept.txt']) write(path, path);
    git('add', '--all');
    git('commit', '--quiet', '--message', 'First');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is clean after a checkout, whatever git ignores', async () => {
    write('dist/lib/out.txt', 'x');
    expect(await readWorkingTree(root, limits)).toEqual({ tracked: [], untracked: [] });
  });

  it('lists changed, staged, deleted, renamed and new files', async () => {
    write('a.txt', 'changed');
    rmSync(join(root, 'b c.txt'));
    renameSync(join(root, 'd/ü.txt'), join(root, 'd/renamed.txt'));
    git('add', '--all');
    write('new/file.txt', 'x');
    const tree = await readWorkingTree(root, limits);
    if (typeof tree === 'string') throw new Error(tree);
    expect([...tree.tracked].sort()).toEqual(['a.txt', 'b c.txt', 'd/renamed.txt', 'd/ü.txt']);
    expect(tree.untracked).toEqual(['new/']);
  });

  it('detects which paths have files that a fresh checkout does not have', async () => {
    write('dist/lib/out.txt', 'x');
    write('out/new.txt', 'x');
    write('d/ü.txt', 'changed');
    const paths = ['dist/lib', 'dist/lib/out.txt', 'out', 'out/kept.txt', 'd', 'a.txt'];
    expect([...(await notAsCommitted(root, paths, limits))]).toEqual([
      'dist/lib',
      'dist/lib/out.txt',
      'out',
      'd',
    ]);
  });
});

it('is unknown if git fails, and none without a repository; then every path may differ', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dte-tree-'));
  try {
    expect(await readWorkingTree(folder, limits)).toBe('none');
    expect([...(await notAsCommitted(folder, ['a'], limits))]).toEqual(['a']);
    // Git treats it as damaged.
    mkdirSync(join(folder, '.git'));
    mkdirSync(join(folder, 'below'));
    expect(await readWorkingTree(folder, limits)).toBe('unknown');
    expect(await readWorkingTree(join(folder, 'below'), limits)).toBe('unknown');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
