import { readdir, rm } from 'node:fs/promises';
import { newestLock } from './lock-file';

export interface UnusedFolders {
  /** Holds data folders, and whatever else. */
  readonly parent: string;
  /** What the names of the data folders meant begin with. */
  readonly prefix: string;
  /** No coordinator has been seen there for this long. */
  readonly unusedMs: number;
}

/** Removes data folders of coordinators that are long gone: a lock is renewed while its process exists. */
export async function removeUnusedFolders({ parent, prefix, unusedMs }: UnusedFolders): Promise<void> {
  for (const entry of await readdir(parent, { withFileTypes: true })) {
    if (!entry.isDirectory() || !entry.name.startsWith(prefix)) continue;
    const folder = `${parent}/${entry.name}`;
    const lock = await newestLock(folder);
    if (lock !== null && Date.now() - lock.mtimeMs >= unusedMs)
      await rm(folder, { recursive: true, force: true });
  }
}
