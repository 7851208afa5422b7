import { createHash } from 'node:crypto';
import { readdirSync, readlinkSync, realpathSync } from 'node:fs';
import { isAbsolute, join, posix, relative, sep } from 'node:path';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import type { NxInstall } from '../install/nx-install';
import { expandOutputs, isFolderLink, lstatOrNull, realInside, unlessGone } from './expand';

/** One entry of the outputs. Only empty folders are listed: all others follow from their content. */
export type OutputEntry =
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly size: number;
      readonly executable: boolean;
      readonly links: number;
    }
  /** `target`: unchanged, except that an absolute one into the workspace becomes relative, because other machines have other paths. */
  | { readonly kind: 'link'; readonly path: string; readonly target: string; readonly isAbsolute: boolean }
  | { readonly kind: 'folder'; readonly path: string }
  /** A socket, a pipe or a device. */
  | { readonly kind: 'special'; readonly path: string }
  /** Its name is not valid text, so no archive that dte creates can contain it. */
  | { readonly kind: 'unnameable'; readonly path: string };

/** The content of outputs on a disk at one moment. */
export interface OutputList {
  readonly entries: readonly OutputEntry[];
  /** Links to a folder that are an output, or in the path of one: the content behind them is listed as well. */
  readonly through: readonly string[];
  /** Matches of the output patterns: each file or folder that contains or is an entry. */
  readonly roots: readonly string[];
}

/** Entries that are read before the walk yields to other work: some ten milliseconds. Not configurable: the list has all of them. */
const ENTRIES_PER_TURN = 1_000;

const REPLACEMENT = '\ufffd';

/** Windows has no such bit, and derives it from the name. */
const isExecutable = (mode: number): boolean => process.platform !== 'win32' && (mode & 0o100) !== 0;

class Walk {
  readonly entries = new Map<string, OutputEntry>();
  readonly through = new Set<string>();
  private readonly folders: string[] = [];

  constructor(
    private readonly root: string,
    private readonly workspaceRoot: string,
  ) {}

  /** A cache entry that disappears while it is read is invalid: what it lacks would be deleted from the workspace. */
  private unlessGone<T>(look: () => T): T | null {
    return this.root === this.workspaceRoot ? unlessGone(look) : look();
  }

  look(path: string): void {
    const stat = lstatOrNull(join(this.root, path));
    if (stat === null) {
      if (path.includes(REPLACEMENT)) this.entries.set(path, { kind: 'unnameable', path });
      return;
    }
    if (stat.isDirectory()) this.folders.push(path);
    else if (stat.isSymbolicLink()) {
      const target = this.unlessGone(() => readlinkSync(join(this.root, path)));
      if (target !== null) this.entries.set(path, this.linkTo(path, target));
    } else if (stat.isFile()) {
      const { size, mode, nlink } = stat;
      this.entries.set(path, { kind: 'file', path, size, executable: isExecutable(mode), links: nlink });
    } else this.entries.set(path, { kind: 'special', path });
  }

  private linkTo(path: string, target: string): OutputEntry {
    for (const home of isAbsolute(target) ? [realpathSync(this.workspaceRoot), this.workspaceRoot] : []) {
      const inside = relative(home, target);
      if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) continue;
      const plain = posix.relative(posix.dirname(path), inside.split(sep).join('/')) || '.';
      return { kind: 'link', path, target: plain, isAbsolute: true };
    }
    return { kind: 'link', path, target, isAbsolute: isAbsolute(target) };
  }

  /** As a folder: everything in it. */
  open(path: string): void {
    this.folders.push(path);
  }

  async all(): Promise<void> {
    let looked = 0;
    for (let folder = this.folders.pop(); folder !== undefined; folder = this.folders.pop()) {
      const path = join(this.root, folder);
      const names = this.unlessGone(() => readdirSync(path));
      if (names === null) continue;
      if (names.length === 0) this.entries.set(folder, { kind: 'folder', path: folder });
      for (const name of names) {
        this.look(folder === '' ? name : `${folder}/${name}`);
        if (++looked % ENTRIES_PER_TURN === 0) await turnOfTheLoop();
      }
    }
  }
}

/** Those of a path's parent folders that are links. */
function linksAbove(root: string, path: string): string[] {
  const parts = path.split('/');
  const above = parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
  return above.filter((each) => isFolderLink(root, each));
}

/**
 * Lists everything that a task's outputs name. A link in an output is listed as a link. The content behind it is part of
 * the output only if the output itself is a link, or leads through one, and no other output names it by its real path.
 * Files that disappear during the walk are skipped: a parallel task may write to the same folder.
 * @param nx default: that of the folder, which then must be a workspace
 * @throws what the file system throws, also if something of a cache entry disappears
 */
export const listOutputs = (
  workspaceRoot: string,
  outputs: readonly string[],
  nx?: NxInstall,
): Promise<OutputList> =>
  listPaths(workspaceRoot, expandOutputs(workspaceRoot, outputs, nx), nx?.workspaceRoot);

/**
 * Like `listOutputs`, for expanded outputs: existing files, folders and links.
 * @param home the workspace, if the folder is a cache entry
 */
export async function listPaths(
  workspaceRoot: string,
  roots: readonly string[],
  home: string = workspaceRoot,
): Promise<OutputList> {
  const walk = new Walk(workspaceRoot, home);
  const all = new Set(roots);
  const isNamed = (path: string): boolean =>
    path.split('/').some((_, index, parts) => all.has(parts.slice(0, index + 1).join('/')));
  for (const path of roots) {
    walk.look(path);
    const links = linksAbove(workspaceRoot, path);
    if (isFolderLink(workspaceRoot, path) && !isNamed(realInside(workspaceRoot, path) ?? path)) {
      walk.open(path);
      links.push(path);
    }
    for (const link of links) {
      walk.through.add(link);
      walk.look(link);
    }
  }
  await walk.all();
  const entries = [...walk.entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  return { entries, through: [...walk.through].sort(), roots };
}

/** A list in one line of a message; two lists have equal digests exactly if they are equal. */
export interface OutputSummary {
  /** SHA-256 in hex. */
  readonly digest: string;
  readonly entries: number;
  readonly bytes: number;
}

const detailOf = (entry: OutputEntry): string => {
  switch (entry.kind) {
    case 'file':
      return `${entry.size}${entry.executable ? ' x' : ''}`;
    case 'link':
      return entry.target;
    default:
      return '';
  }
};

/** One entry as text: the compared properties. */
export const lineOf = (entry: OutputEntry): string =>
  JSON.stringify([entry.kind, entry.path, detailOf(entry)]);

/** Sockets, pipes and devices are meaningless on another machine and are skipped. */
export function summaryOf(entries: readonly OutputEntry[]): OutputSummary {
  const hash = createHash('sha256');
  let count = 0;
  let bytes = 0;
  for (const entry of entries) {
    if (entry.kind === 'special') continue;
    hash.update(`${lineOf(entry)}\n`);
    count++;
    if (entry.kind === 'file') bytes += entry.size;
  }
  return { digest: hash.digest('hex'), entries: count, bytes };
}
