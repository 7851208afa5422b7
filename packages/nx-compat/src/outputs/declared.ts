import { createRequire } from 'node:module';
import { join } from 'node:path';
import { resolveNx } from '../install/nx-install';
import { realInside } from './expand';
import { cleanPath, isGlob } from './paths';

interface Minimatch {
  /** False for patterns that it cannot parse. */
  makeRe(pattern: string, options: { dot: boolean }): RegExp | false;
}

const libraries = new Map<string, Minimatch>();

/** That of the workspace's Nx. */
function minimatchOf(workspaceRoot: string): Minimatch {
  const { packageRoot } = resolveNx(workspaceRoot);
  const known = libraries.get(packageRoot);
  if (known !== undefined) return known;
  const { minimatch } = createRequire(join(packageRoot, 'package.json'))('minimatch') as {
    minimatch: Minimatch;
  };
  libraries.set(packageRoot, minimatch);
  return minimatch;
}

/** Folders that a wide output may match although they are not the task's own: an output must name them explicitly. */
const NAMED_ONLY = ['node_modules', '.nx'];

/** `dist/**` means the same as `dist`. */
const withoutRest = (output: string): string => output.replace(/(?:\/\*\*(?:\/\*)?)+$/, '');

const has = (path: string, folder: string): boolean => path.toLowerCase().split('/').includes(folder);

/** May paths of this output begin with `root`, considering the folders that must be named? */
const mayBeginAt = (output: string, root: string): boolean =>
  NAMED_ONLY.every((folder) => !has(root, folder) || has(output, folder));

/** The real path of an output that leads through one of the workspace's own links; null if it leads through none. */
function behindLink(workspaceRoot: string, output: string): string | null {
  const real = realInside(workspaceRoot, output);
  return real === output || real === '' ? null : real;
}

/**
 * Decides which paths the outputs of a task include: an output itself, everything below it, and everything that a glob
 * matches (with the library that Nx itself uses). Special folders must be named: the workspace as an output, or `**` at
 * the beginning of a glob, includes no `node_modules` and no `.nx`. Outputs that only exclude (`!`) are ignored.
 * @param outputs relative to the workspace, like the paths
 */
export function declaredOutputs(
  workspaceRoot: string,
  outputs: readonly string[],
): (path: string) => boolean {
  const named = outputs
    .filter((output) => !output.startsWith('!'))
    .map((output) => withoutRest(cleanPath(output)));
  const literal = new Set([...named, ...named.flatMap((output) => behindLink(workspaceRoot, output) ?? [])]);
  const globs = named
    .filter(isGlob)
    .map((glob) => ({ glob, matches: minimatchOf(workspaceRoot).makeRe(glob, { dot: true }) }));
  const isRoot = (path: string): boolean =>
    (literal.has(path) && mayBeginAt(path, path)) ||
    globs.some(({ glob, matches }) => matches !== false && matches.test(path) && mayBeginAt(glob, path));
  const everything = (path: string): boolean =>
    (literal.has('') || literal.has('**')) && mayBeginAt('', path);
  return (path) => {
    const parts = path.split('/');
    return everything(path) || parts.some((_, index) => isRoot(parts.slice(0, index + 1).join('/')));
  };
}
