import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Harness } from './harness';

/** Complete and unfinished files; the first request that needs the folder creates it. */
export function storedFiles(harness: Harness): string[] {
  const folder = join(harness.dataDir, 'sessions', 's1', 'artifacts');
  return existsSync(folder) ? readdirSync(folder) : [];
}
