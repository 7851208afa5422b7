import { createRequire } from 'node:module';
import { join } from 'node:path';
import { resolveNx } from '../install/nx-install';
import { realInside } from './expand';
import { cleanPath, isGlob } from './paths';

interface Minimatch {
  /** False for what it cannot read. */
  makeRe(pattern: string, options: { dot: boolean }): RegExp | false;
}

/** Folders that are not a task's own because a wide output happens to take them in: an output has to name them. */
const NAMED_ONLY = ['node_modules', '.nx'];

/** `dist/**` says no more than `dist`. */
const withoutRest = (output: string): string => output.replace(/(?:\/\*\*(?:\/\*)?)+$/, '');

const has = (path: string, folder: string): boolean => path.toLowerCase().split('/').includes(folder);

/** May what this output names begin at `root`, as far as folders are concerned that have to be named? */
const mayBeginAt = (output: string, root: string): boolean =>
  NAMED_ONLY.every((folder) => !has(root, folder) || has(output, folder));

/** Where an output that leads through a link of the workspace's own really is; null when it leads through none. */
function behindLink(workspaceRoot: string, output: string): string | null {
  const real = realInside(workspaceRoot, output);
  return real === output || real === '' ? null : real;
}

/**
 * Tells which paths the outputs of a task take in: an output itself, all below it, and what a glob matches (by the library
 * that Nx itself uses). What a path is named must be an output's doing: the workspace as an output, or `**` at a glob's
 * beginning, takes in no `node_modules` and no `.nx`. Outputs that only leave something out (`!`) are not looked at.
 * @param outputs relative to the workspace, as the paths are
 */
export function declaredOutputs(
  workspaceRoot: string,
  outputs: readonly string[],
): (path: string) => boolean {
  const named = outputs
    .filter((output) => !output.startsWith('!'))
    .map((output) => withoutRest(cleanPath(output)));
  const literal = new Set([...named, ...named.flatMap((output) => behindLink(workspaceRoot, output) ?? [])]);
  const { packageRoot } = resolveNx(workspaceRoot);
  const { minimatch } = createRequire(join(packageRoot, 'package.json'))('minimatch') as {
    minimatch: Minimatch;
  };
  const globs = named
    .filter(isGlob)
    .map((glob) => ({ glob, matches: minimatch.makeRe(glob, { dot: true }) }));
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
