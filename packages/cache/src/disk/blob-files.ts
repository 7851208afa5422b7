import { createHash, randomBytes } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { addAbortSignal, Readable } from 'node:stream';
import { DteError } from '@org/dte-protocol';
import type { CacheEntry } from '../port/shared-cache';
import { type FileSystem, isNotFound } from './file-system';

const DIGEST = /^[0-9a-f]{64}$/;
/** Bytes that are read or written at once. A buffer size: entries may be larger. */
const PIECE_BYTES = 256 * 1024;
/** Folders of bytes, by the first two digits of their digest: a million files are 4,000 in each. */
export const SHARDS: readonly string[] = Array.from({ length: 256 }, (_, index) =>
  index.toString(16).padStart(2, '0'),
);

/**
 * The bytes of entries: files by their digest, `blobs/ab/abcd…`, so that equal bytes are there once. Nothing that a user chose is
 * part of a path. A file is written under a temporary name, checked and renamed: it is complete or not there. It is not fsynced:
 * a crash of the machine may damage it, which readers notice.
 *
 * Bytes that nobody wants any more are removed in the background, one file after the other. `isWanted` is asked right before.
 */
export class BlobFiles {
  private readonly unwanted = new Set<string>();
  private removing: { readonly sha256: string; readonly done: Promise<void> } | null = null;
  private clearing: Promise<void> = Promise.resolve();
  private isClearing = false;
  private readonly shards = new Set<string>();

  constructor(
    private readonly fs: FileSystem,
    private readonly root: string,
    private readonly isWanted: (sha256: string) => boolean,
  ) {}

  /** Removes what an earlier process has left unfinished. */
  async open(): Promise<void> {
    const folder = `${this.root}/tmp`;
    await this.fs.mkdir(folder, { recursive: true, mode: 0o700 });
    for (const name of await this.fs.readdir(folder)) await this.fs.rm(`${folder}/${name}`, { force: true });
  }

  /**
   * Writes the bytes of an entry to a temporary file. `open` is called when the file is there.
   * @returns its path
   * @throws DteError DTE_ARTIFACT_DAMAGED if they are others; what the stream or the disk throws
   */
  async receive(entry: CacheEntry, open: () => Readable, signal: AbortSignal): Promise<string> {
    const temp = `${this.root}/tmp/${randomBytes(12).toString('base64url')}`;
    try {
      const handle = await this.fs.open(temp, 'wx', 0o600);
      try {
        await copy(entry, addAbortSignal(signal, open()), handle);
      } finally {
        await handle.close();
      }
      return temp;
    } catch (thrown) {
      await this.discardTemp(temp);
      throw thrown;
    }
  }

  async discardTemp(temp: string): Promise<void> {
    await this.fs.rm(temp, { force: true }).catch(() => undefined);
  }

  /** Makes a received file the bytes of this digest, in place of damaged ones too. The caller wants them already. */
  async adopt(temp: string, sha256: string): Promise<void> {
    if (this.removing?.sha256 === sha256) await this.removing.done;
    const shard = `${this.root}/blobs/${sha256.slice(0, 2)}`;
    if (!this.shards.has(shard)) {
      await this.fs.mkdir(shard, { recursive: true, mode: 0o700 });
      this.shards.add(shard);
    }
    await this.fs.rename(temp, this.pathOf(sha256));
  }

  /** Null if they are not there, or not as long. The caller reads or destroys the stream. */
  async read(
    { sha256, bytes }: Pick<CacheEntry, 'sha256' | 'bytes'>,
    signal: AbortSignal,
  ): Promise<Readable | null> {
    let handle: FileHandle;
    try {
      handle = await this.fs.open(this.pathOf(sha256), 'r');
    } catch (thrown) {
      if (isNotFound(thrown)) return null;
      throw thrown;
    }
    try {
      const { size } = await handle.stat();
      if (size !== bytes || bytes === 0) {
        await handle.close();
        return size === bytes ? Readable.from([]) : null;
      }
      signal.throwIfAborted();
      return addAbortSignal(signal, handle.createReadStream({ end: bytes - 1, highWaterMark: PIECE_BYTES }));
    } catch (thrown) {
      await handle.close().catch(() => undefined);
      throw thrown;
    }
  }

  /** Removes bytes soon, unless somebody wants them again before. */
  discard(sha256: string): void {
    this.unwanted.add(sha256);
    if (this.isClearing) return;
    this.isClearing = true;
    this.clearing = this.clear();
  }

  /** What is still to be removed stays: a sweep finds it later. */
  async close(): Promise<void> {
    this.unwanted.clear();
    await this.idle();
  }

  /** Everything that was discarded is gone. */
  async idle(): Promise<void> {
    while (this.isClearing) await this.clearing;
  }

  /** Discards the files of one shard that nobody wants: a process ended between their rename and their line in the index. */
  async sweep(shard: string): Promise<void> {
    let names: string[];
    try {
      names = await this.fs.readdir(`${this.root}/blobs/${shard}`);
    } catch (thrown) {
      if (isNotFound(thrown)) return;
      throw thrown;
    }
    for (const name of names) if (DIGEST.test(name) && !this.isWanted(name)) this.discard(name);
  }

  private async clear(): Promise<void> {
    for (const sha256 of this.unwanted) {
      this.unwanted.delete(sha256);
      if (this.isWanted(sha256)) continue;
      // A file that cannot be removed is found by a sweep.
      const done = this.fs.rm(this.pathOf(sha256), { force: true }).catch(() => undefined);
      this.removing = { sha256, done };
      await done;
      this.removing = null;
    }
    this.isClearing = false;
  }

  private readonly pathOf = (sha256: string): string => `${this.root}/blobs/${sha256.slice(0, 2)}/${sha256}`;
}

async function copy({ bytes, sha256, hash }: CacheEntry, body: Readable, handle: FileHandle): Promise<void> {
  const digest = createHash('sha256');
  let total = 0;
  for await (const piece of piecesOf(body)) {
    total += piece.length;
    if (total > bytes) break;
    digest.update(piece);
    await handle.writeFile(piece);
  }
  if (total === bytes && digest.digest('hex') === sha256) return;
  throw new DteError(
    'DTE_ARTIFACT_DAMAGED',
    `The bytes for hash ${hash} are not those that were announced to the shared cache: ${total > bytes ? 'more than ' : ''}${Math.min(total, bytes)} of ${bytes} bytes arrived, with another digest.`,
  );
}

/** Small chunks together: each write costs a system call in another thread. */
async function* piecesOf(body: Readable): AsyncGenerator<Buffer, void, undefined> {
  let pending: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    pending.push(bytes);
    length += bytes.length;
    if (length < PIECE_BYTES) continue;
    yield pending.length === 1 ? bytes : Buffer.concat(pending);
    pending = [];
    length = 0;
  }
  if (length > 0) yield Buffer.concat(pending);
}
