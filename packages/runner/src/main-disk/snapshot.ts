import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync, type BigIntStats } from 'node:fs';
import { join } from 'node:path';

/** The files at some paths at one moment. */
export interface Snapshot {
  /** Equal for equal states; contains nothing about the contents. */
  readonly digest: string;
  /** Files, relative to the root, in order, with the time of their last change (ms since 1970). */
  readonly files: readonly { readonly path: string; readonly changedMs: number }[];
}

/** A unit: not configurable. */
const SECOND_NS = 1_000_000_000n;
/** Not configurable: the kernel's clock for file times is some milliseconds behind, and does not advance between its ticks. */
const TICK_MS = 100;
/** For a larger file, only the times are compared. Not configurable: it only matters for a file that was written just now. */
const READ_BYTES = 64n * 1024n * 1024n;

/**
 * A change sets a new ctime, which no tool can reset: size and mtime alone would miss `touch -r` and tools that keep times.
 * If a change may have the same ctime, the content is compared as well: for a file that was written just before the
 * snapshot was recorded, and on a file system that stores only whole seconds.
 */
function wordFor(path: string, stat: BigIntStats, notedMs: number): string {
  const common = `${String(stat.mode)} ${String(stat.size)} ${String(stat.mtimeNs)} ${String(stat.ctimeNs)}`;
  if (stat.isSymbolicLink()) return `${common} ${readlinkSync(path)}`;
  const isFresh = stat.ctimeMs >= BigInt(notedMs - TICK_MS) || stat.ctimeNs % SECOND_NS === 0n;
  if (!stat.isFile() || !isFresh || stat.size > READ_BYTES) return common;
  return `${common} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
}

/**
 * Checks every file below some paths, usually without reading it. A folder is represented by its content, a link by its target.
 * @param root absolute folder
 * @param paths relative to it; what does not exist is omitted
 * @param notedMs when the snapshot is recorded; for a later comparison with it, the same time
 */
export function snapshotOf(root: string, paths: readonly string[], notedMs: number): Snapshot {
  const found = new Map<string, { word: string; changedMs: number }>();
  const visit = (path: string): void => {
    const full = join(root, path);
    const stat = lstatSync(full, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined || found.has(path)) return;
    if (stat.isDirectory()) for (const name of readdirSync(full)) visit(`${path}/${name}`);
    else
      found.set(path, { word: wordFor(full, stat, notedMs), changedMs: Number(stat.ctimeNs / 1_000_000n) });
  };
  for (const path of paths) visit(path.replace(/\/+$/, ''));
  const sorted = [...found].sort(([a], [b]) => (a < b ? -1 : 1));
  const hash = createHash('sha256');
  for (const [path, { word }] of sorted) hash.update(`${path}\0${word}\n`);
  return { digest: hash.digest('hex'), files: sorted.map(([path, { changedMs }]) => ({ path, changedMs })) };
}

const below = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));

function isSameFile(a: string, b: string): boolean {
  const [left, right] = [lstatSync(a), lstatSync(b, { throwIfNoEntry: false })];
  if (left.isSymbolicLink() !== right?.isSymbolicLink()) return false;
  if (left.isSymbolicLink()) return readlinkSync(a) === readlinkSync(b);
  // The executable bit is part of an artifact, other bits are those of the umask.
  if (left.size !== right.size || (left.mode & 0o100) !== (right.mode & 0o100)) return false;
  return readFileSync(a).equals(readFileSync(b));
}

/**
 * Whether another folder has exactly the same files at the same paths: read byte by byte.
 * @param paths files in `root`, relative to it
 */
export function isCopyOf(root: string, paths: readonly string[], original: string): boolean {
  try {
    const known = new Set(below(original));
    return (
      paths.length === known.size &&
      paths.every((path) => known.has(path) && isSameFile(join(root, path), join(original, path)))
    );
  } catch {
    return false;
  }
}
