import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Harness } from './harness';

/** Whole and unfinished ones; the folder is made by the first request that needs it. */
export function storedFiles(harness: Harness): string[] {
  const folder = join(harness.dataDir, 'sessions', 's1', 'artifacts');
  return existsSync(folder) ? readdirSync(folder) : [];
}
