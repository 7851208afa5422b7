import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { changedFiles, readNameStatus, withUncommitted } from './changed-files';

const LIMITS = { gitCommandMs: 60_000 };

it('reads what git prints, with paths that contain anything', () => {
  expect(
    readNameStatus('M\0a b.ts\0R097\0old.ts\0new.ts\0A\0n.ts\0D\0d.ts\0C100\0x.ts\0y.ts\0T\0t\0'),
  ).toEqual([
    { path: 'a b.ts', how: 'changed', from: null },
    { path: 'new.ts', how: 'renamed', from: 'old.ts' },
    { path: 'n.ts', how: 'new', from: null },
    { path: 'd.ts', how: 'deleted', from: null },
    { path: 'y.ts', how: 'new', from: null },
    { path: 't', how: 'changed', from: null },
  ]);
  expect(readNameStatus('')).toEqual([]);
});

it('compares what was not committed, then and now', () => {
  const then = {
    commit: 'x',
    changes: { same: '1', edited: '1', reverted: '1', 'was-new': '+1', gone: '1' },
  };
  const now = { commit: 'y', changes: { same: '1', edited: '2', 'is-new': '+1', gone: 'deleted' } };
  const committed = [{ path: 'same', how: 'changed', from: null } as const];
  expect(withUncommitted(committed, then, now).map(({ path, how }) => [path, how])).toEqual([
    ['edited', 'changed'],
    ['gone', 'deleted'],
    ['is-new', 'new'],
    ['reverted', 'changed'],
    ['was-new', 'deleted'],
  ]);
});

describe('with git', () => {
  let root: string;
  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@x', ...args], {
      cwd: root,
      encoding: 'utf8',
    });
  const commit = (): string => {
    git('add', '--all');
    git('commit', '--quiet', '--message=x');
    return git('rev-parse', 'HEAD').trim();
  };
  const write = (path: string, text: string): void => {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'dte-changed-'));
    git('init', '--quiet');
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('knows what was renamed between two commits, below the workspace only', async () => {
    write('ws/libs/ui/a.ts', 'a content that is long enough\n'.repeat(9));
    write('other/x.ts', '1');
    const then = commit();
    git('mv', 'ws/libs/ui/a.ts', 'ws/libs/ui/b.ts');
    write('other/x.ts', '2');
    const now = commit();
    const found = await changedFiles(
      join(root, 'ws'),
      { commit: then, changes: {} },
      { commit: now, changes: {} },
      LIMITS,
    );
    expect(found).toEqual([{ path: 'libs/ui/b.ts', how: 'renamed', from: 'libs/ui/a.ts' }]);
  });

  it('does not know it without one of the commits, and needs none to compare a commit with itself', async () => {
    write('a.ts', '1');
    const now = { commit: commit(), changes: { 'a.ts': '2' } };
    expect(await changedFiles(root, { commit: 'f'.repeat(40), changes: {} }, now, LIMITS)).toBeNull();
    expect(await changedFiles(root, null, now, LIMITS)).toBeNull();
    expect(await changedFiles(root, { ...now, changes: {} }, now, LIMITS)).toEqual([
      { path: 'a.ts', how: 'changed', from: null },
    ]);
  });
});
