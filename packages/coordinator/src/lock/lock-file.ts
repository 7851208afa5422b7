import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { tempName } from '../files/atomic-write';
import { isNotFound } from '../files/file-system';
import { processMarkSchema } from './process-mark';

const PREFIX = 'coordinator.lock.';

const holderSchema = processMarkSchema.extend({
  sinceMs: z.number().int().nonnegative(),
  released: z.boolean(),
});
export type Holder = z.infer<typeof holderSchema>;

/** A lock file as it was read. */
export interface FoundLock {
  readonly number: number;
  /** By the clock of the file system. */
  readonly mtimeMs: number;
  /** Null: it is being written now, or its process crashed while writing. */
  readonly holder: Holder | null;
}

export const lockPath = (folder: string, number: number): string => `${folder}/${PREFIX}${number}`;

export const lockText = (holder: Holder): string => `${JSON.stringify(holder)}\n`;

/** Numbers of the lock files of a folder, the newest first. */
export async function lockNumbers(folder: string): Promise<number[]> {
  const names = await readdir(folder);
  return names
    .filter((name) => name.startsWith(PREFIX) && /^\d{1,15}$/.test(name.slice(PREFIX.length)))
    .map((name) => Number(name.slice(PREFIX.length)))
    .sort((a, b) => b - a);
}

function parseHolder(text: string): Holder | null {
  try {
    return holderSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

/** The newest lock of a folder; null if there is none. */
export async function newestLock(folder: string): Promise<FoundLock | null> {
  for (;;) {
    const [number] = await lockNumbers(folder);
    if (number === undefined) return null;
    const path = lockPath(folder, number);
    try {
      const { mtimeMs } = await stat(path);
      return { number, mtimeMs, holder: parseHolder(await readFile(path, 'utf8')) };
    } catch (thrown) {
      // A newer one was created in the meantime, and its owner removed the old ones.
      if (!isNotFound(thrown)) throw thrown;
    }
  }
}

/** The time by the clock of the file system, which may be that of another machine. */
export async function fileClockOffsetMs(folder: string): Promise<number> {
  const path = `${folder}/${tempName()}`;
  try {
    await writeFile(path, '', { flag: 'wx', mode: 0o600 });
    return (await stat(path)).mtimeMs - Date.now();
  } finally {
    await rm(path, { force: true });
  }
}
