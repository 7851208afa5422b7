import { type Readable, type Writable, pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import * as tar from 'tar-stream';

/** One entry of tar-stream: read it, or resume it. */
export type ArchiveEntry = AsyncIterable<Buffer> & { readonly header: tar.Header; resume(): unknown };

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
  gunzip.on('error', broken);
  gunzip.pipe(unpack as unknown as Writable);
  return {
    entries: unpack as AsyncIterable<ArchiveEntry>,
    close: () => {
      source.destroy();
      gunzip.destroy();
      unpack.destroy();
    },
  };
}
