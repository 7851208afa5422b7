import { createReadStream, lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { createGzip, gzipSync } from 'node:zlib';
import { NX_ARCHIVE } from './archive-format';
import { ending, headers, MAX_BYTES, NOTHING, padding } from './tar-blocks';

/** An entry of Nx's local cache. */
export interface EntryToPack {
  /** Absolute, with the outputs by their paths in the workspace; need not exist if there are none. */
  readonly folder: string;
  readonly terminalOutput: string;
  readonly code: number;
}

/** Level 1: most of the gain for a fraction of the time, as in dte's own archives. */
const GZIP_LEVEL = 1;

/**
 * Packs an entry as Nx's own HTTP cache does before it uploads it: GNU tar in gzip, the outputs by their paths in the workspace, then
 * the terminal output and the exit code, both with mode and time 0. Unlike Nx, never all of it is in memory. The owner of files is left out.
 * `integration/pack-entry.spec.ts` compares it with what each major writes, and lets each major read it.
 * Errors destroy the stream, also if a file changes while it is read.
 */
export function packEntry(entry: EntryToPack): Readable {
  return pipeline(
    Readable.from(blocksOf(entry), { objectMode: false }),
    createGzip({ level: GZIP_LEVEL }),
    () => undefined,
  );
}

/**
 * Bounds of what is read with blocking calls: then a slot is free some milliseconds sooner than with a turn of the thread pool for
 * each call, in a process that has nothing else to do. Not configurable: a buffer.
 */
const [SMALL_BYTES, SMALL_ENTRIES] = [1024 * 1024, 256];

/** A small entry, read completely: what happens to its files from now on changes nothing. */
export interface ReadEntry {
  readonly bytes: number;
  readonly isAmbiguous: boolean;
  /** The same archive as that of `packEntry`. */
  pack(): Buffer;
}

/** Null: it is too large for that. @throws if a file cannot be read, or changes while it is read */
export function readSmall({ folder, terminalOutput, code }: EntryToPack): ReadEntry | null {
  const room = { bytes: SMALL_BYTES - Buffer.byteLength(terminalOutput), entries: SMALL_ENTRIES };
  const names = namesNow(folder);
  const blocks: Buffer[] = [];
  if (room.bytes < 0 || !readBelow(folder, names, blocks, room)) return null;
  const tar = Buffer.concat([...blocks, ...ending(terminalOutput, code)]);
  return {
    bytes: tar.length,
    isAmbiguous: hasReserved(names),
    pack: () => gzipSync(tar, { level: GZIP_LEVEL }),
  };
}

/** Whether an output has a name that means something else in this format, so that readers could not tell them apart. */
export async function isAmbiguous({ folder }: Pick<EntryToPack, 'folder'>): Promise<boolean> {
  return hasReserved(await namesIn(folder));
}

function hasReserved(names: readonly string[]): boolean {
  const reserved: readonly string[] = [NX_ARCHIVE.terminalOutputEntry, NX_ARCHIVE.codeEntry];
  return names.some((name) => reserved.includes(name));
}

async function* blocksOf({ folder, terminalOutput, code }: EntryToPack): AsyncGenerator<Buffer> {
  yield* below(folder, '');
  yield* ending(terminalOutput, code);
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function namesNow(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** What the header of an entry says. */
function saidOf(inner: string, { mode, mtimeMs }: Stats) {
  const mtime = Math.max(0, Math.floor(mtimeMs / 1000));
  return { name: Buffer.from(inner), mode, mtime, size: 0, target: NOTHING };
}

async function* below(root: string, path: string): AsyncGenerator<Buffer> {
  for (const name of await namesIn(join(root, path))) {
    const inner = path === '' ? name : `${path}/${name}`;
    const stat = await lstat(join(root, inner));
    const said = saidOf(inner, stat);
    if (stat.isDirectory()) {
      yield* headers({ ...said, type: '5' });
      yield* below(root, inner);
    } else if (stat.isSymbolicLink()) {
      yield* headers({ ...said, type: '2', target: Buffer.from(await readlink(join(root, inner))) });
    } else if (stat.isFile()) {
      yield* headers({ ...said, type: '0', size: stat.size });
      yield* contentOf(join(root, inner), stat);
    } else throw neither(inner);
  }
}

/** The same with blocking calls. @returns false if there is not enough room */
function readBelow(
  root: string,
  inners: readonly string[],
  blocks: Buffer[],
  room: { bytes: number; entries: number },
): boolean {
  for (const inner of inners) {
    const path = join(root, inner);
    const stat = lstatSync(path);
    const said = saidOf(inner, stat);
    room.entries -= 1;
    room.bytes -= stat.isFile() ? stat.size : 0;
    if (room.entries < 0 || room.bytes < 0) return false;
    if (stat.isDirectory()) {
      blocks.push(...headers({ ...said, type: '5' }));
      const names = namesNow(path).map((name) => `${inner}/${name}`);
      if (!readBelow(root, names, blocks, room)) return false;
    } else if (stat.isSymbolicLink()) {
      blocks.push(...headers({ ...said, type: '2', target: Buffer.from(readlinkSync(path)) }));
    } else if (stat.isFile()) {
      const content = readFileSync(path);
      if (content.length !== stat.size) throw changed(path);
      blocks.push(...headers({ ...said, type: '0', size: stat.size }), content, padding(stat.size));
    } else throw neither(inner);
  }
  return true;
}

const neither = (inner: string): Error => new Error(`${inner} is neither a file nor a folder nor a link`);
const changed = (path: string): Error => new Error(`${path} changed while it was read`);

async function* contentOf(path: string, { size }: Stats): AsyncGenerator<Buffer> {
  if (size > MAX_BYTES) throw new Error(`${path} is too large for the format`);
  let read = 0;
  // Not a byte more than the header announced, even if the file grows.
  const source = size === 0 ? [] : createReadStream(path, { end: size - 1 });
  for await (const chunk of source) {
    read += (chunk as Buffer).length;
    yield chunk as Buffer;
  }
  if (read !== size) throw changed(path);
  yield padding(size);
}
