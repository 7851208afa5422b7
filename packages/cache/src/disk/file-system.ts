import { promises } from 'node:fs';
import { DteError } from '@org/dte-protocol';

/** The part of `node:fs/promises` that this store uses, as a port: a spec can pass one with a full disk, or one that crashes. */
export type FileSystem = Pick<typeof promises, 'open' | 'rename' | 'mkdir' | 'rm' | 'readdir' | 'statfs'>;

export const nodeFileSystem: FileSystem = promises;

const codeOf = (thrown: unknown): string =>
  typeof thrown === 'object' && thrown !== null && 'code' in thrown && typeof thrown.code === 'string'
    ? thrown.code
    : '';

export const isNotFound = (thrown: unknown): boolean => codeOf(thrown) === 'ENOENT';

/** Converts a full disk (EDQUOT: that of one user) to its error; returns any other error unchanged. */
export function diskError(thrown: unknown, what: string, folder: string): Error {
  if (!['ENOSPC', 'EDQUOT'].includes(codeOf(thrown))) return DteError.from(thrown);
  return new DteError(
    'DTE_DISK_FULL',
    `No space left on the disk for ${what}; the folder of the shared cache is ${folder}.`,
    { cause: thrown },
  );
}
