import * as fs from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';

/** An open file. A result that is no promise was there at once: waiting for it would cost a turn. */
export interface OpenFile {
  size(): number | Promise<number>;
  /** @returns how many bytes; fewer than asked for at the end of the file only, or if the disk is like that */
  read(buffer: Buffer, length: number, at: number): number | Promise<number>;
  /** Writes all of it at the end. */
  append(chunks: readonly Buffer[]): void | Promise<void>;
  close(): void | Promise<void>;
}

/** A file of `node:fs/promises`: each call is made by the thread pool. */
export class HandleFile implements OpenFile {
  constructor(private readonly handle: FileHandle) {}

  async size(): Promise<number> {
    return (await this.handle.stat()).size;
  }

  async read(buffer: Buffer, length: number, at: number): Promise<number> {
    return (await this.handle.read(buffer, 0, length, at)).bytesRead;
  }

  append(chunks: readonly Buffer[]): Promise<void> {
    return writeAll(async (left) => (await this.handle.writev(left)).bytesWritten, chunks);
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

const later = {
  read: promisify(fs.read),
  writev: promisify(fs.writev),
  close: promisify(fs.close),
};

/** The blocking calls of `node:fs` that are made with an open file. */
export type DescriptorCalls = Pick<typeof fs, 'fstatSync' | 'readSync' | 'writevSync' | 'closeSync'>;

/** Does it at once, or says that it has to be left to the thread pool. */
export type AtOnce = <T>(work: () => T) => { readonly done: T } | null;

/**
 * Closes files that nobody closed and nobody has any more, as Node does with its own handles: the descriptor of a body that was never
 * read would otherwise be missing for as long as the process lives.
 */
const forgotten = new FinalizationRegistry<{ readonly fd: number; readonly calls: DescriptorCalls }>(
  ({ fd, calls }) => calls.closeSync(fd),
);

/** A file whose calls block while the disk is fast, and are made by the thread pool otherwise. */
export class QuickFile implements OpenFile {
  /** What a thread does; one at a time. */
  private underWay: Promise<unknown> | null = null;

  constructor(
    private readonly fd: number,
    private readonly calls: DescriptorCalls,
    private readonly atOnce: AtOnce,
  ) {
    forgotten.register(this, { fd, calls }, this);
  }

  size(): number {
    // What is known of an open file: no disk is asked.
    return this.calls.fstatSync(this.fd).size;
  }

  read(buffer: Buffer, length: number, at: number): number | Promise<number> {
    const quick = this.atOnce(() => this.calls.readSync(this.fd, buffer, 0, length, at));
    return quick === null ? this.later(readLater(this.fd, buffer, length, at)) : quick.done;
  }

  append(chunks: readonly Buffer[]): void | Promise<void> {
    let left = withoutFirst(chunks, 0);
    while (left.length > 0) {
      const piece = left;
      const quick = this.atOnce(() => this.calls.writevSync(this.fd, piece));
      if (quick === null) return this.later(appendLater(this.fd, left));
      left = withoutFirst(left, quick.done);
    }
  }

  close(): void | Promise<void> {
    const { underWay } = this;
    forgotten.unregister(this);
    if (underWay !== null) return underWay.catch(() => undefined).then(() => later.close(this.fd));
    const quick = this.atOnce(() => this.calls.closeSync(this.fd));
    return quick === null ? later.close(this.fd) : undefined;
  }

  /** A file that is opened meanwhile must not get this descriptor. */
  private async later<T>(work: Promise<T>): Promise<T> {
    this.underWay = work;
    try {
      return await work;
    } finally {
      this.underWay = null;
    }
  }
}

const readLater = async (fd: number, buffer: Buffer, length: number, at: number): Promise<number> =>
  (await later.read(fd, buffer, 0, length, at)).bytesRead;

const appendLater = (fd: number, chunks: readonly Buffer[]): Promise<void> =>
  writeAll(async (left) => (await later.writev(fd, left)).bytesWritten, chunks);

async function writeAll(
  write: (chunks: readonly Buffer[]) => Promise<number>,
  chunks: readonly Buffer[],
): Promise<void> {
  let left = withoutFirst(chunks, 0);
  while (left.length > 0) left = withoutFirst(left, await write(left));
}

/** What is left to write. A disk that is almost full takes a part; the next call says why it takes no more. */
function withoutFirst(chunks: readonly Buffer[], bytes: number): Buffer[] {
  let skip = bytes;
  const left: Buffer[] = [];
  for (const chunk of chunks) {
    if (skip >= chunk.length) skip -= chunk.length;
    else {
      left.push(skip === 0 ? chunk : chunk.subarray(skip));
      skip = 0;
    }
  }
  return left;
}
