import type { FileHandle } from 'node:fs/promises';
import type { FileSystem } from '../files/file-system';

/**
 * A new file that is written piece by piece. One piece is written while the next one arrives and is hashed: on a busy machine, each
 * wait for the disk costs a turn. Pieces are written as they are, without a copy.
 */
export class GrowingFile {
  private handle: FileHandle | null = null;
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly fs: FileSystem,
    private readonly path: string,
  ) {}

  /** Has something been appended? */
  get isOpen(): boolean {
    return this.handle !== null;
  }

  /** Resolves when the piece before this one is written. */
  async append(chunks: readonly Buffer[]): Promise<void> {
    this.handle ??= await this.fs.open(this.path, 'wx', 0o600);
    await this.writing;
    this.writing = writeAll(this.handle, chunks);
    // Of a failed one, the next wait learns.
    this.writing.catch(() => undefined);
  }

  /** Resolves when everything is written. */
  async end(): Promise<void> {
    const { handle, writing } = this;
    try {
      await writing;
    } finally {
      this.handle = null;
      await handle?.close();
    }
  }

  /** Removes the file. */
  async abandon(): Promise<void> {
    await this.end().catch(() => undefined);
    await this.fs.rm(this.path, { force: true });
  }
}

async function writeAll(handle: FileHandle, chunks: readonly Buffer[]): Promise<void> {
  let left = chunks.filter(({ length }) => length > 0);
  while (left.length > 0) {
    const { bytesWritten } = await handle.writev(left);
    left = withoutFirst(left, bytesWritten);
  }
}

/** A disk that is almost full takes a part; the next call says why it takes no more. */
function withoutFirst(chunks: readonly Buffer[], bytes: number): Buffer[] {
  let skip = bytes;
  const left: Buffer[] = [];
  for (const chunk of chunks) {
    if (skip >= chunk.length) skip -= chunk.length;
    else {
      left.push(chunk.subarray(skip));
      skip = 0;
    }
  }
  return left;
}
