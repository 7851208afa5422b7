import { DteError } from '@org/dte-protocol';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Writes what `--output` asks for; its folder is made.
 * @throws DteError DTE_BAD_CONFIG
 */
export function writeOutputFile(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  } catch (thrown) {
    const { code = 'unknown error' } = thrown as NodeJS.ErrnoException;
    throw new DteError('DTE_BAD_CONFIG', `${path} cannot be written: ${code} (option --output).`, {
      cause: thrown,
    });
  }
}
