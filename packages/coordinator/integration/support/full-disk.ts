import type { FileHandle } from 'node:fs/promises';
import type { FileSystem } from '../../src/files/file-system';

/** A disk that can be filled: then writes fail like the kernel's, after writing a part. */
export function fullDisk(real: FileSystem): {
  fs: FileSystem;
  fill(): void;
  free(): void;
  refused(): number;
} {
  let full = false;
  let refusals = 0;
  const noSpace = (): Error => {
    refusals += 1;
    return Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  };
  const limited = (handle: FileHandle): FileHandle => {
    const writeFile = handle.writeFile.bind(handle);
    handle.writeFile = async (data, options) => {
      if (!full) return writeFile(data, options);
      await writeFile((data as Buffer).subarray(0, 10), options);
      throw noSpace();
    };
    const writev = handle.writev.bind(handle);
    handle.writev = async (pieces, position) => {
      if (!full) return writev(pieces, position);
      await writev([Buffer.alloc(10)]);
      throw noSpace();
    };
    return handle;
  };
  const fs: FileSystem = {
    ...real,
    append: (handle, bytes) => handle.writeFile(bytes),
    open: async (...args) => limited(await real.open(...args)),
    writeFile: async (...args) => {
      if (full) throw noSpace();
      return real.writeFile(...args);
    },
  };
  return { fs, fill: () => (full = true), free: () => (full = false), refused: () => refusals };
}
