import { lstatSync, realpathSync, type Stats } from 'node:fs';
import { join, relative } from 'node:path';
import { resolveNx, type NxInstall } from '../install/nx-install';
import { cleanPath, isGlob, staticParts } from './paths';

interface NativeFiles {
  expandOutputs: (directory: string, entries: string[]) => string[];
}

const leaves = (path: string): boolean => path === '..' || path.startsWith('../') || path.startsWith('/');

export const lstatOrNull = (path: string): Stats | null => unlessGone(() => lstatSync(path));

/** Null if nothing is there. */
export function unlessGone<T>(look: () => T): T | null {
  try {
    return look();
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw thrown;
  }
}

let latest: { readonly root: string; readonly real: string } | null = null;

/** Where a workspace really is does not change while a process works in it: asked some times for each task, it is looked up once. */
function realRoot(root: string): string {
  if (latest?.root !== root) latest = { root, real: realpathSync(root) };
  return latest.real;
}

/** The real path, relative to the workspace; null if nothing is there, or it is outside. */
export function realInside(workspaceRoot: string, path: string): string | null {
  try {
    const real = cleanPath(relative(realRoot(workspaceRoot), realpathSync(join(workspaceRoot, path))));
    return leaves(real) ? null : real;
  } catch {
    return null;
  }
}

/** The matches of globs that begin below a link, each by its path through the link: Nx does not follow links. */
function throughLinks(workspaceRoot: string, globs: readonly string[], expand: NativeFiles): string[] {
  return globs.flatMap((glob) => {
    if (glob.startsWith('!')) return [];
    const base = staticParts(cleanPath(glob)).join('/');
    const real = base === '' ? null : realInside(workspaceRoot, base);
    if (real === null || real === base) return [];
    const moved = (path: string): string =>
      path === base || path.startsWith(`${base}/`) ? real + path.slice(base.length) : path;
    const negated = globs
      .filter((each) => each.startsWith('!'))
      .map((each) => `!${moved(cleanPath(each.slice(1)))}`);
    const found = expand.expandOutputs(workspaceRoot, [moved(cleanPath(glob)), ...negated]);
    return found
      .map(cleanPath)
      .filter((path) => path.startsWith(`${real}/`))
      .map((path) => base + path.slice(real.length));
  });
}

/**
 * The existing files, folders and links that a task's outputs name. Globs are resolved as Nx itself does; a folder
 * represents everything in it. Includes two things that Nx omits: broken links, and (on 24 all, in earlier versions
 * some of) what is reached through a link to a folder of the workspace.
 * @param nx default: that of the folder, which then must be a workspace
 * @returns paths relative to the workspace, with `/`, each once, sorted
 */
export function expandOutputs(
  workspaceRoot: string,
  outputs: readonly string[],
  nx: NxInstall = resolveNx(workspaceRoot),
): string[] {
  if (outputs.length === 0) return [];
  const native = nx.load<NativeFiles>('src/native');
  const found = native.expandOutputs(workspaceRoot, [...outputs]).map(cleanPath);
  const literal = outputs
    .map(cleanPath)
    .filter((path) => !leaves(path) && lstatOrNull(join(workspaceRoot, path)) !== null);
  const globs = outputs.filter(isGlob);
  return [...new Set([...found, ...literal, ...throughLinks(workspaceRoot, globs, native)])].sort();
}

/**
 * Whether a path exists, and is reached without a link.
 * @returns `linked` also for a link whose target is missing or outside of the workspace
 */
export function standingOf(workspaceRoot: string, path: string): 'absent' | 'direct' | 'linked' {
  if (lstatOrNull(join(workspaceRoot, path)) === null) return 'absent';
  return realInside(workspaceRoot, path) === path ? 'direct' : 'linked';
}

/** A link to a folder of the workspace. */
export const isFolderLink = (workspaceRoot: string, path: string): boolean => {
  if (lstatOrNull(join(workspaceRoot, path))?.isSymbolicLink() !== true) return false;
  const real = realInside(workspaceRoot, path);
  // A link to one of its own parent folders is only a link: behind it is the workspace.
  if (real === null || real === '' || path.startsWith(`${real}/`)) return false;
  return lstatOrNull(join(workspaceRoot, real))?.isDirectory() === true;
};
