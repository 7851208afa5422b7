import { type Readable, type Writable, pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import * as tar from 'tar-stream';

/** One entry as tar-stream gives it: read it, or resume it. */
export type ArchiveEntry = AsyncIterable<Buffer> & { readonly header: tar.Header; resume(): unknown };

/**
 * A gzipped tar as its entries; `close` ends the source, however far it was read.
 * @param allowUnknownFormat headers without the magic of a format are read as well: Nx writes such ones
 */
export function openArchive(
  source: Readable,
  allowUnknownFormat = false,
): {
  readonly entries: AsyncIterable<ArchiveEntry>;
  close(): void;
} {
  // The types do not know this option.
  const options: object = { allowUnknownFormat };
  const unpack = tar.extract(options);
  const gunzip = createGunzip();
  // At once: the source may break before anything is awaited. The errors come out of the loop over the entries.
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
