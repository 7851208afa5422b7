import { promises } from 'node:fs';
import { DteError } from '@org/dte-protocol';

/**
 * The part of `node:fs/promises` that journal and artifact store use, as a port: a spec hands in one whose disk is
 * full or slow.
 */
export type FileSystem = Pick<
  typeof promises,
  'open' | 'rename' | 'mkdir' | 'rm' | 'readdir' | 'readFile' | 'writeFile' | 'unlink' | 'stat'
>;

export const nodeFileSystem: FileSystem = promises;

/** The error code of a failed system call, null when the thrown value is something else. */
export const systemCode = (thrown: unknown): string | null =>
  typeof thrown === 'object' && thrown !== null && 'code' in thrown && typeof thrown.code === 'string'
    ? thrown.code
    : null;

export const isNotFound = (thrown: unknown): boolean => systemCode(thrown) === 'ENOENT';

/** EDQUOT is a full disk, too: that of one user. */
export const isDiskFull = (thrown: unknown): boolean =>
  ['ENOSPC', 'EDQUOT'].includes(systemCode(thrown) ?? '');

/** The process, or the machine, has no file descriptor left: connections take them as well. */
export const isOutOfDescriptors = (thrown: unknown): boolean =>
  ['EMFILE', 'ENFILE'].includes(systemCode(thrown) ?? '');

/** A full disk as the error a client is told; anything else as it is. */
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
