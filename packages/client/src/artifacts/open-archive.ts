import { type Readable, type Writable, pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { DteError, LIMITS } from '@org/dte-protocol';
import * as tar from 'tar-stream';

/** What a reader needs to know of an entry; as in tar-stream. */
export type EntryHeader = Pick<tar.Header, 'name' | 'size' | 'mode' | 'type' | 'linkname'>;

/** One entry of tar-stream: read it, or resume it. */
export type ArchiveEntry = AsyncIterable<Buffer> & {
  readonly header: EntryHeader;
  /** All of it, if it is in memory already. */
  readonly content?: Buffer;
  resume(): unknown;
};

/** Size of a block of the tar format. */
const BLOCK_BYTES = 512;
/** Headers of one entry: its own, and those that give it a longer name. A part of `archiveOverheadBytes`. */
const HEADER_BYTES = 16 * 1024;

/**
 * Bounds what is unpacked without being the content of an entry, which has limits of its own. A few kilobytes of gzip become
 * gigabytes of zeros behind the last entry, or of headers before the first: the reader would be busy with them for hours.
 */
class OverheadMeter {
  private allowed = LIMITS.archiveOverheadBytes.value;
  private seen = 0;

  /** Called for each entry: from here on, its content may come. */
  allow(contentBytes: number): void {
    this.allowed += HEADER_BYTES + Math.ceil(contentBytes / BLOCK_BYTES) * BLOCK_BYTES;
  }

  /** @returns the reason to stop, if there is one */
  count(bytes: number): DteError | null {
    this.seen += bytes;
    if (this.seen <= this.allowed) return null;
    return new DteError(
      'DTE_ARTIFACT_UNSAFE',
      `The archive contains more than ${LIMITS.archiveOverheadBytes.value} bytes that belong to none of its entries.`,
    );
  }
}

async function* metered(
  entries: AsyncIterable<ArchiveEntry>,
  meter: OverheadMeter,
): AsyncGenerator<ArchiveEntry> {
  for await (const entry of entries) {
    meter.allow(entry.header.size);
    yield entry;
  }
}

/**
 * The entries of a gzipped tar; `close` ends the source at any point.
 * @param allowUnknownFormat also accept headers without the magic of a format, as Nx writes them
 */
export function openArchive(
  source: Readable,
  allowUnknownFormat = false,
): {
  readonly entries: AsyncIterable<ArchiveEntry>;
  close(): void;
} {
  // The types lack this option.
  const options: object = { allowUnknownFormat };
  const unpack = tar.extract(options);
  const gunzip = createGunzip();
  // Immediately: the source may fail before anything is awaited. The loop over the entries throws the errors.
  const broken = (error?: Error | null) => {
    if (error) unpack.destroy(error);
  };
  pipeline(source, gunzip, broken);
  const meter = new OverheadMeter();
  gunzip.on('data', ({ length }: Buffer) => broken(meter.count(length)));
  gunzip.on('error', broken);
  gunzip.pipe(unpack as unknown as Writable);
  return {
    entries: metered(unpack as AsyncIterable<ArchiveEntry>, meter),
    close: () => {
      source.destroy();
      gunzip.destroy();
      unpack.destroy();
    },
  };
}
