import type { FileHandle } from 'node:fs/promises';
import type { FileSystem } from '../../files/file-system';

/** A disk under a process that crashes when it has written `budget` bytes; every other change of the disk counts as one. */
export function crashingDisk(real: FileSystem, budget: number): FileSystem {
  let left = budget;
  const crash = (): never => {
    left = 0;
    throw new Error('crashed');
  };
  const change = async <T>(perform: () => Promise<T>): Promise<T> => {
    if (left < 1) crash();
    left -= 1;
    return perform();
  };
  const watched = (handle: FileHandle): FileHandle => {
    const writeFile = handle.writeFile.bind(handle);
    const [truncate, datasync] = [handle.truncate.bind(handle), handle.datasync.bind(handle)];
    handle.writeFile = async (data, options) => {
      const bytes = Buffer.from(data as string);
      const written = bytes.subarray(0, left);
      left -= written.length;
      await writeFile(written, options);
      if (written.length < bytes.length) crash();
    };
    handle.truncate = (length) => change(() => truncate(length));
    handle.datasync = () => change(datasync);
    return handle;
  };
  return {
    ...real,
    append: (handle, bytes) => handle.writeFile(bytes),
    open: (...args) => change(async () => watched(await real.open(...args))),
    rename: (...args) => change(() => real.rename(...args)),
    rm: (...args) => change(() => real.rm(...args)),
    mkdir: ((...args: Parameters<FileSystem['mkdir']>) =>
      change(() => real.mkdir(...args))) as FileSystem['mkdir'],
    writeFile: (...args) => change(() => real.writeFile(...args)),
  };
}
