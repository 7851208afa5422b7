import { existsSync, readdirSync } from 'node:fs';
import { cp, lstat, mkdir, rm } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { dirname, join, sep } from 'node:path';
import type { Git } from './git';

/** Never copied with the files: internal files of git, Nx and package managers. */
const LEFT_OUT = new Set(['.git', '.nx', 'node_modules']);

/** The branch of the copies. */
export const BRANCH = 'change';

/** The repository that all copies are cloned from. */
export interface Origin {
  readonly folder: string;
  /** NX_BASE and NX_HEAD. */
  readonly base: string;
  readonly head: string;
}

/** Every node_modules of a workspace, relative to it; those of nested packages are part of it. */
export function nodeModulesOf(root: string, below = ''): string[] {
  return readdirSync(join(root, below), { withFileTypes: true }).flatMap((entry) => {
    const path = join(below, entry.name);
    if (entry.name === 'node_modules') return entry.isDirectory() ? [path] : [];
    return entry.isDirectory() && !LEFT_OUT.has(entry.name) ? nodeModulesOf(root, path) : [];
  });
}

/** Commit of a ref; undefined if it does not exist. */
async function commitOf(git: Git, folder: string, name: string): Promise<string | undefined> {
  try {
    return await git(folder, 'rev-parse', '--verify', '--quiet', `${name}^{commit}`);
  } catch {
    return undefined;
  }
}

async function copyFile(from: string, to: string, path: string): Promise<void> {
  const [source, target] = [join(from, path), join(to, path)];
  await rm(target, { recursive: true, force: true });
  if ((await lstat(source).catch(() => undefined)) === undefined) return;
  await mkdir(dirname(target), { recursive: true });
  await cp(source, target, { verbatimSymlinks: true, recursive: true });
}

/** What the user's git ignores everywhere: files of editors and systems are no part of a checkout. */
function ignoredEverywhere(folder: string): string[] {
  try {
    const path = execFileSync('git', ['config', '--path', '--get', 'core.excludesFile'], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
    return path === '' ? [] : ['-c', `core.excludesFile=${path}`];
  } catch {
    return [];
  }
}

/** The history of a git repository, and its working tree as far as it differs from the last commit. */
async function cloneOf(folder: string, origin: string, git: Git): Promise<void> {
  await git(dirname(origin), 'clone', '--quiet', '--no-hardlinks', folder, origin);
  // NX_BASE and --base may name branches.
  await git(origin, 'checkout', '--quiet', '--detach');
  await git(origin, 'fetch', '--quiet', '--update-head-ok', 'origin', '+refs/heads/*:refs/heads/*');
  const kinds = ['--modified', '--deleted', '--others', '--exclude-standard'];
  const listed = await git(folder, ...ignoredEverywhere(folder), 'ls-files', '-z', ...kinds);
  for (const path of new Set(listed.split('\0').filter(Boolean))) await copyFile(folder, origin, path);
}

async function copyOf(folder: string, origin: string, git: Git): Promise<void> {
  const filter = (path: string): boolean => !LEFT_OUT.has(path.slice(path.lastIndexOf(sep) + 1));
  await cp(folder, origin, { recursive: true, verbatimSymlinks: true, filter });
  await git(origin, 'init', '--quiet');
}

/**
 * A repository with the history of a workspace and one commit more if something is not committed. The workspace is only
 * read; files that git ignores are left out, as in a fresh clone.
 * @param base NX_BASE; default: the parent of the last commit, or the last commit if something is not committed
 */
export async function createOrigin(
  workspace: string,
  origin: string,
  git: Git,
  base?: string,
): Promise<Origin> {
  if (existsSync(join(workspace, '.git'))) await cloneOf(workspace, origin, git);
  else await copyOf(workspace, origin, git);
  const before = await commitOf(git, origin, 'HEAD');
  await git(origin, 'checkout', '--quiet', '-B', BRANCH);
  await git(origin, 'add', '--all');
  if (before === undefined || (await git(origin, 'status', '--porcelain')) !== '')
    await git(origin, 'commit', '--quiet', '--no-verify', '--message', 'Working tree');
  const head = await git(origin, 'rev-parse', 'HEAD');
  const parent = (await commitOf(git, origin, 'HEAD~1')) ?? head;
  return {
    folder: origin,
    head,
    base: base === undefined ? parent : ((await commitOf(git, origin, base)) ?? base),
  };
}

/** A clone with every branch, in which git does not see the changes to nx.json. */
export async function cloneOrigin({ folder }: Origin, target: string, git: Git): Promise<void> {
  await git(dirname(target), 'clone', '--quiet', '--branch', BRANCH, folder, target);
  await git(target, 'checkout', '--quiet', '--detach');
  await git(target, 'fetch', '--quiet', 'origin', '+refs/heads/*:refs/heads/*');
  await git(target, 'checkout', '--quiet', BRANCH);
  await git(target, 'update-index', '--skip-worktree', 'nx.json');
}
