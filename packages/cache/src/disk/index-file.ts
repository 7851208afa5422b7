import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { FileSystem } from './file-system';
import { decodeLine, type IndexLine } from './index-lines';

/** With the version of its lines: another version begins a file of its own, and rolling back finds the one of before. */
const FILE = 'index-1';
/** The index that is to replace the other; a leftover one is from a process that crashed. */
const NEXT_FILE = `${FILE}.next`;
/** The byte that ends a line. */
const NEWLINE = 0x0a;
const FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT;
/** A buffer size: what is read or written at once. */
const BLOCK_BYTES = 1024 * 1024;
/** No line is longer: one of damage without an end must not fill the memory. Not configurable: lines have 25 kB at most. */
const LINE_BYTES = 4 * 1024 * 1024;

/**
 * The index of the store: lines that are appended, each with a checksum of its own, so that damage costs what one line says.
 *
 * A file of metadata for each entry would need no index, but a start would read a million files, and so would a question of 50,000
 * hashes. A database would be a native module. An append is not fsynced: it survives a crash of the process; after a crash of the
 * machine, entries may be missing (they are stored again) or without their bytes (readers notice).
 *
 * Calls must not overlap.
 */
export class IndexFile {
  /** The last append failed midway: the next one begins a line of its own. */
  private torn = false;

  private constructor(
    private readonly fs: FileSystem,
    private readonly folder: string,
    private handle: FileHandle,
    /** Its length. */
    public bytes: number,
  ) {}

  static async open(fs: FileSystem, folder: string): Promise<IndexFile> {
    await fs.rm(`${folder}/${NEXT_FILE}`, { force: true });
    const handle = await fs.open(`${folder}/${FILE}`, FLAGS, 0o600);
    try {
      return new IndexFile(fs, folder, handle, (await handle.stat()).size);
    } catch (thrown) {
      await handle.close();
      throw thrown;
    }
  }

  /** Its lines, with their lengths; null for a line that cannot be read. A torn last line is left out: it had no effect. */
  async *lines(): AsyncGenerator<
    { readonly line: IndexLine | null; readonly bytes: number },
    void,
    undefined
  > {
    let rest = Buffer.alloc(0);
    for (let position = 0; position < this.bytes;) {
      const { bytesRead, buffer } = await this.handle.read(Buffer.allocUnsafe(BLOCK_BYTES), { position });
      if (bytesRead === 0) break;
      position += bytesRead;
      const block = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
      let start = 0;
      for (let at = block.indexOf(NEWLINE); at !== -1; at = block.indexOf(NEWLINE, start)) {
        if (at > start) yield { line: decodeLine(block.subarray(start, at)), bytes: at - start + 1 };
        start = at + 1;
      }
      rest = Buffer.from(block.subarray(start, Math.min(block.length, start + LINE_BYTES)));
    }
    this.torn = rest.length > 0;
  }

  /** All of it or, after an error, nothing: what is left of it fails its checksum. */
  async append(text: string): Promise<void> {
    const bytes = Buffer.from(this.torn ? `\n${text}` : text);
    this.torn = true;
    await this.handle.writeFile(bytes);
    this.torn = false;
    this.bytes += bytes.length;
  }

  /**
   * Replaces all lines. Durable: it is what makes sure that nothing which was forgotten comes back, not even after damage or a
   * crash of the machine. Whoever opens the index finds the old one before the rename, and the new one after it.
   */
  async rewrite(lines: Iterable<string>): Promise<void> {
    const next = `${this.folder}/${NEXT_FILE}`;
    const handle = await this.fs.open(next, FLAGS | constants.O_TRUNC, 0o600);
    let bytes = 0;
    try {
      for (const block of blocksOf(lines)) {
        await handle.writeFile(block);
        bytes += block.length;
      }
      await handle.datasync();
      await this.fs.rename(next, `${this.folder}/${FILE}`);
    } catch (thrown) {
      await handle.close();
      await this.fs.rm(next, { force: true }).catch(() => undefined);
      throw thrown;
    }
    const old = this.handle;
    this.handle = handle;
    this.bytes = bytes;
    this.torn = false;
    await old.close().catch(() => undefined);
    await syncFolder(this.fs, this.folder);
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

function* blocksOf(lines: Iterable<string>): Generator<Buffer, void, undefined> {
  let block: string[] = [];
  let length = 0;
  for (const line of lines) {
    block.push(line);
    length += line.length;
    if (length < BLOCK_BYTES) continue;
    yield Buffer.from(block.join(''));
    block = [];
    length = 0;
  }
  yield Buffer.from(block.join(''));
}

/** Makes the new name survive a crash of the machine. */
async function syncFolder(fs: FileSystem, folder: string): Promise<void> {
  // Windows cannot open a folder, and its file systems journal names themselves.
  if (process.platform === 'win32') return;
  const handle = await fs.open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
