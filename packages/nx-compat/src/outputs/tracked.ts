import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cleanPath } from './paths';

/** Arguments of one command. Not configurable: more commands follow if necessary. */
const PATHS_AT_ONCE = 500;
/** Timeout for git to list this many paths. Not configurable: beyond it, everything counts as tracked and stays. */
const GIT_MS = 30_000;
/** Output of git that is read for them. Not configurable, for the same reason. */
const LIST_BYTES = 64 * 1024 * 1024;
/** The user of a job may not own the clone. */
const GIT = ['--literal-pathspecs', '-c', 'safe.directory=*', 'ls-files', '-z', '--'];

/**
 * The given paths, or files below them, that git tracks. A glob such as `src/*.js` matches sources as well as the files
 * that a task has made: if an entry lacks a source, the source must not be deleted.
 * @param paths relative to the workspace, found by globs
 * @returns all of the paths if there is a repository but git fails
 */
function trackedAmong(workspaceRoot: string, paths: readonly string[]): Set<string> {
  const tracked = new Set<string>();
  if (paths.length === 0 || !isInRepository(workspaceRoot)) return tracked;
  for (let at = 0; at < paths.length; at += PATHS_AT_ONCE) {
    const some = paths.slice(at, at + PATHS_AT_ONCE);
    const { status, stdout } = spawnSync('git', [...GIT, ...some], {
      cwd: workspaceRoot,
      encoding: 'utf8',
      timeout: GIT_MS,
      maxBuffer: LIST_BYTES,
    });
    for (const path of status === 0 ? stdout.split('\0').slice(0, -1) : some) tracked.add(path);
  }
  return tracked;
}

/** Does an output without a wildcard name this path or a parent of it? Then it is not found only by a glob. */
export function isNamed(path: string, outputs: ReadonlySet<string>): boolean {
  return path.split('/').some((_, index, parts) => outputs.has(parts.slice(0, index + 1).join('/')));
}

/** Like `trackedAmong`, for what only globs among these outputs have found. */
export function trackedByGlobs(
  workspaceRoot: string,
  paths: readonly string[],
  outputs: readonly string[],
): Set<string> {
  const literal = new Set(outputs.map(cleanPath));
  return trackedAmong(
    workspaceRoot,
    paths.filter((path) => !isNamed(path, literal)),
  );
}

function isInRepository(workspaceRoot: string): boolean {
  for (let folder = workspaceRoot; ; folder = dirname(folder)) {
    if (existsSync(join(folder, '.git'))) return true;
    if (folder === dirname(folder)) return false;
  }
}
