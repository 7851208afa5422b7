import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync, type BigIntStats } from 'node:fs';
import { join } from 'node:path';

/** What lies at some paths at one moment. */
export interface Snapshot {
  /** Equal for equal states; says nothing of the contents by itself. */
  readonly digest: string;
  /** Files, relative to the root, in order, with the time of their last change (ms since 1970). */
  readonly files: readonly { readonly path: string; readonly changedMs: number }[];
}

/** A unit. */
const SECOND_NS = 1_000_000_000n;
/** A clock of the kernel that stamps files is some milliseconds behind, and stands still between its ticks. A fact, no limit. */
const TICK_MS = 100;
/** Of a larger file the times have to do. Not a limit to set: it only matters for a file that was written just now. */
const READ_BYTES = 64n * 1024n * 1024n;

/**
 * A change leaves another ctime, which no tool can set back: size and mtime alone would miss `touch -r` and tools that keep
 * times. Where a change may have the same ctime the content counts as well: in a file that was written just before the
 * snapshot was noted, and where a file system tells whole seconds only.
 */
function wordFor(path: string, stat: BigIntStats, notedMs: number): string {
  const common = `${String(stat.mode)} ${String(stat.size)} ${String(stat.mtimeNs)} ${String(stat.ctimeNs)}`;
  if (stat.isSymbolicLink()) return `${common} ${readlinkSync(path)}`;
  const isFresh = stat.ctimeMs >= BigInt(notedMs - TICK_MS) || stat.ctimeNs % SECOND_NS === 0n;
  if (!stat.isFile() || !isFresh || stat.size > READ_BYTES) return common;
  return `${common} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
}

/**
 * Looks at every file below some paths, as a rule without reading it. Folders count by what is in them, links by where they lead.
 * @param root absolute folder
 * @param paths relative to it; what does not exist is left out
 * @param notedMs when the snapshot is noted; to compare with it later, the same time
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
 * Whether exactly the files of one folder lie at the same places of another: read byte by byte.
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
