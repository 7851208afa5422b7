import { DteError } from '@org/dte-protocol';
import { readFileSync } from 'node:fs';

/**
 * The secret in a file.
 * @param where names the option, for messages
 * @throws DteError DTE_BAD_CONFIG
 */
export function secretIn(file: string, where: string): string {
  let secret: string;
  try {
    secret = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new DteError('DTE_BAD_CONFIG', `The file ${file} cannot be read (${where}).`, { cause });
  }
  if (secret === '') throw new DteError('DTE_BAD_CONFIG', `The file ${file} is empty (${where}).`);
  return secret;
}
