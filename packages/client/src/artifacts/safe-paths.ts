import { type Stats, lstatSync, mkdirSync, realpathSync, rmSync } from 'node:fs';
import { lstat, realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { DteError } from '@org/dte-protocol';

export const unsafe = (message: string): DteError => new DteError('DTE_ARTIFACT_UNSAFE', message);

export const isMissing = (thrown: unknown): boolean => (thrown as NodeJS.ErrnoException).code === 'ENOENT';

/** True if `path` is `root` or below it. Both absolute; nothing is resolved. */
export const isInside = (root: string, path: string): boolean =>
  path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);

/** Characters that some file systems ignore in a name (HFS+). */
const IGNORED = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

/** Git's folder (or, in a submodule, file), under any name that some file system treats as that. */
export const isGit = (part: string): boolean =>
  /^(?:\.git|git~\d+)$/i.test(part.replace(IGNORED, '').replace(/(?::.*|[. ]+)$/, ''));

/** Longest name of a file: NAME_MAX of Linux, and about the same elsewhere. Not configurable: set by file systems. */
const MAX_PART_BYTES = 255;
/** Longest path: PATH_MAX of Linux. Not configurable: set by the system. */
const MAX_PATH_BYTES = 4_096;

/**
 * The workspace-relative path of an entry, in parts.
 * @throws DteError DTE_ARTIFACT_UNSAFE for absolute paths, `..`, NUL, names that are too long for a file system and, on
 * Windows, names with a special meaning there
 */
export function checkedParts(name: string): string[] {
  const parts = name.replace(/\/+$/, '').split('/');
  const bad =
    isAbsolute(name) ||
    name.includes('\0') ||
    parts.some((part) => part === '' || part === '.' || part === '..') ||
    (sep === '\\' && /[\\:]/.test(name));
  if (
    Buffer.byteLength(name) > MAX_PATH_BYTES ||
    parts.some((part) => Buffer.byteLength(part) > MAX_PART_BYTES)
  )
    throw unsafe(
      `The archive contains an entry whose path is too long: ${JSON.stringify(name.slice(0, 100))}...`,
    );
  if (bad) throw unsafe(`The archive contains an entry that leaves the workspace: ${JSON.stringify(name)}.`);
  return parts;
}

export async function statOrNull(path: string): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch (thrown) {
    if (isMissing(thrown)) return null;
    throw thrown;
  }
}

/** Where a path leads; null if nothing is there. */
export function realOrNull(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}

/** Creates folders below a root without ever passing through a link that leaves it. */
export class FolderMaker {
  private readonly known = new Set<string>();

  /** Absolute and without links: the workspace itself may be behind one. */
  readonly root: string;

  constructor(root: string) {
    this.root = realpathSync(root);
  }

  /**
   * Creates a folder (and its parents) and replaces anything there that is not a folder.
   * @returns its absolute path
   */
  make(parts: readonly string[]): string {
    const path = join(this.root, ...parts);
    if (parts.length === 0 || this.known.has(path)) return path;
    this.make(parts.slice(0, -1));
    this.makeOne(path);
    this.known.add(path);
    return path;
  }

  /** With blocking calls: they take microseconds, and the thread pool takes more to be asked. */
  private makeOne(path: string): void {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isDirectory() === true) return;
    if (stat?.isSymbolicLink() === true) {
      // The workspace's own link (a folder that its owner moved) is followed if it stays inside.
      const real = realOrNull(path);
      if (real !== null && !isInside(this.root, real)) {
        throw unsafe(`An output would be written through a link that leaves the workspace: ${path}.`);
      }
      if (real?.slice(this.root.length).split(sep).some(isGit) === true)
        throw unsafe(`An output would be written through a link into ${real}: ${path}.`);
      if (real !== null && lstatSync(real, { throwIfNoEntry: false })?.isDirectory() === true) return;
    }
    if (stat !== undefined) rmSync(path, { force: true });
    mkdirSync(path);
  }
}

/**
 * The final target of a link, as far as it exists; the rest of its path is taken literally. Needed because a chain of
 * links, each of them harmless, may end outside.
 */
export async function finalTarget(linkPath: string, target: string): Promise<string> {
  let current = isAbsolute(target) ? resolve('/') : await realpath(dirname(linkPath));
  for (const part of target.split(/[\\/]/)) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      current = dirname(current);
      continue;
    }
    const next = join(current, part);
    current = await realpath(next).catch(() => next);
  }
  return current;
}
