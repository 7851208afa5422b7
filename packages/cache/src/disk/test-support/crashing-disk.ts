import type { FileHandle } from 'node:fs/promises';
import { type FileSystem, nodeFileSystem } from '../file-system';

export interface CrashingDisk {
  readonly fs: FileSystem;
  readonly hasCrashed: () => boolean;
}

/** A disk under a process that is killed after `budget` changes of it. A write is two: of its first half, and of the rest. */
export function crashingDisk(budget: number): CrashingDisk {
  const real = nodeFileSystem;
  let left = budget;
  let crashed = false;
  const crash = (): never => {
    crashed = true;
    left = 0;
    throw new Error('crashed');
  };
  const change = async <T>(perform: () => Promise<T>): Promise<T> => {
    if (left < 1) crash();
    left -= 1;
    return perform();
  };
  const watched = (handle: FileHandle): FileHandle => {
    const write = handle.writeFile.bind(handle);
    const sync = handle.datasync.bind(handle);
    handle.writeFile = async (data, options) => {
      const bytes = Buffer.from(data as string);
      const half = bytes.length >> 1;
      await change(() => write(bytes.subarray(0, half), options));
      await change(() => write(bytes.subarray(half), options));
    };
    handle.datasync = () => change(sync);
    return handle;
  };
  const fs: FileSystem = {
    ...real,
    open: (...args) => change(async () => watched(await real.open(...args))),
    rename: (...args) => change(() => real.rename(...args)),
    rm: (...args) => change(() => real.rm(...args)),
    mkdir: ((...args: Parameters<FileSystem['mkdir']>) =>
      change(() => real.mkdir(...args))) as FileSystem['mkdir'],
  };
  return { fs, hasCrashed: () => crashed };
}
