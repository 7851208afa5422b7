import { promises, writeSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { DteError } from '@org/dte-protocol';

/** The part of `node:fs/promises` that journal and artifact store use, as a port: a spec can pass one with a full or slow disk. */
export interface FileSystem extends Pick<
  typeof promises,
  'open' | 'rename' | 'mkdir' | 'rm' | 'readdir' | 'readFile' | 'writeFile' | 'unlink' | 'stat'
> {
  /** Writes at the end of a file opened for appending. Omitted: as `writeFile` of the handle. */
  append?: (handle: FileHandle, bytes: Buffer) => Promise<void>;
}

/** What the kernel copies into its own memory in some microseconds. Not configurable: it decides only where a write is made. */
const AT_ONCE_BYTES = 256 * 1024;

/**
 * Every decision of a session waits for such a write. Of Node's four threads for files, those that take in artifacts
 * need all: behind them, a line of the journal waits for hundreds of others. The write itself only copies the bytes, and takes
 * less time than to hand it to a thread and hear from it.
 */
async function append(handle: FileHandle, bytes: Buffer): Promise<void> {
  if (bytes.length > AT_ONCE_BYTES) return handle.writeFile(bytes);
  // A write may take only a part, and says that the disk is full with the next.
  for (let at = 0; at < bytes.length;) at += writeSync(handle.fd, bytes, at);
}

export const nodeFileSystem: FileSystem = { ...promises, append };

/** The error code of a failed system call; null for any other thrown value. */
export const systemCode = (thrown: unknown): string | null =>
  typeof thrown === 'object' && thrown !== null && 'code' in thrown && typeof thrown.code === 'string'
    ? thrown.code
    : null;

export const isNotFound = (thrown: unknown): boolean => systemCode(thrown) === 'ENOENT';

/** EDQUOT also means a full disk: that of one user. */
export const isDiskFull = (thrown: unknown): boolean =>
  ['ENOSPC', 'EDQUOT'].includes(systemCode(thrown) ?? '');

/** The process or the machine has no file descriptors left; connections need them as well. */
export const isOutOfDescriptors = (thrown: unknown): boolean =>
  ['EMFILE', 'ENFILE'].includes(systemCode(thrown) ?? '');

/** Converts a full disk to the error for clients; returns any other error unchanged. */
export function diskError(thrown: unknown, what: string, folder: string): Error {
  if (isDiskFull(thrown)) {
    return new DteError(
      'DTE_DISK_FULL',
      `No space left on the coordinator's disk for ${what}; its folder is ${folder}.`,
      {
        cause: thrown,
      },
    );
  }
  return DteError.from(thrown);
}
