import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { LimitValues } from '@org/dte-protocol';
import { git } from './git';
import { repositoryPrefix } from './prefix';

/** The changes of a checkout that git reports, as paths relative to the workspace. */
export interface WorkingTree {
  /** Files of the commit that differ from it: changed, renamed, deleted. */
  readonly tracked: readonly string[];
  /** Files that git neither tracks nor ignores; a folder of such files is its name and `/`. */
  readonly untracked: readonly string[];
}

/** What `readWorkingTree` returns. */
export type WorkingTreeAnswer = Promise<WorkingTree | 'none' | 'unknown'>;

/** Arguments of one command. Not configurable: more commands follow for the others. */
const PATHS_AT_ONCE = 500;

const STATUS = ['status', '--porcelain=v1', '-z', '--no-renames', '--untracked-files=normal'];

async function status(
  workspaceRoot: string,
  args: readonly string[],
  timeout: number,
): Promise<{ code: string; path: string }[] | null> {
  const [prefix, text] = await Promise.all([
    repositoryPrefix(workspaceRoot, timeout),
    git(workspaceRoot, [...STATUS, ...args], timeout),
  ]);
  if (prefix === null || text === null) return null;
  // Names are relative to the repository, which may be larger than the workspace.
  return text
    .split('\0')
    .slice(0, -1)
    .map((line) => ({ code: line.slice(0, 2), path: line.slice(3) }))
    .filter(({ path }) => path.startsWith(prefix))
    .map(({ code, path }) => ({ code, path: path.slice(prefix.length) }));
}

function isInRepository(workspaceRoot: string): boolean {
  for (let folder = resolve(workspaceRoot); ; folder = dirname(folder)) {
    if (existsSync(join(folder, '.git'))) return true;
    if (folder === dirname(folder)) return false;
  }
}

/**
 * `none`: no repository, so that nothing can differ from a commit. `unknown`: there is one, but git fails (git is missing, the
 * clone belongs to another user, git took too long).
 */
export async function readWorkingTree(
  workspaceRoot: string,
  { gitCommandMs }: Pick<LimitValues, 'gitCommandMs'>,
): WorkingTreeAnswer {
  const lines = await status(workspaceRoot, ['--', '.'], gitCommandMs);
  if (lines === null) return isInRepository(workspaceRoot) ? 'unknown' : 'none';
  const isUntracked = ({ code }: { code: string }): boolean => code === '??';
  return {
    tracked: lines.filter((line) => !isUntracked(line)).map(({ path }) => path),
    untracked: lines.filter(isUntracked).map(({ path }) => path),
  };
}

const isWithin = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(`${folder.replace(/\/+$/, '')}/`);

/**
 * The existing paths that contain anything that a fresh checkout does not have, including ignored files. All of them if git
 * fails.
 */
export async function notAsCommitted(
  workspaceRoot: string,
  paths: readonly string[],
  { gitCommandMs }: Pick<LimitValues, 'gitCommandMs'>,
): Promise<Set<string>> {
  const differing = new Set<string>();
  for (let at = 0; at < paths.length; at += PATHS_AT_ONCE) {
    const some = paths.slice(at, at + PATHS_AT_ONCE);
    const literal = some.map((path) => `:(literal)${path}`);
    const lines = await status(workspaceRoot, ['--ignored=traditional', '--', ...literal], gitCommandMs);
    for (const path of some)
      if (lines === null || lines.some((line) => isWithin(line.path, path) || isWithin(path, line.path)))
        differing.add(path);
  }
  return differing;
}
