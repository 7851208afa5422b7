import { promises } from 'node:fs';
import { DteError } from '@org/dte-protocol';

/** The part of `node:fs/promises` that journal and artifact store use, as a port: a spec can pass one with a full or slow disk. */
export type FileSystem = Pick<
  typeof promises,
  'open' | 'rename' | 'mkdir' | 'rm' | 'readdir' | 'readFile' | 'writeFile' | 'unlink' | 'stat'
>;

export const nodeFileSystem: FileSystem = promises;

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
