import { readdir, rm } from 'node:fs/promises';
import { newestLock } from './lock-file';

export interface UnusedFolders {
  /** Contains data folders, and possibly other files. */
  readonly parent: string;
  /** Prefix of the names of these data folders. */
  readonly prefix: string;
  /** No coordinator has used it for this long. */
  readonly unusedMs: number;
}

/** Removes data folders of coordinators that exited long ago: a lock is renewed while its process exists. */
export async function removeUnusedFolders({ parent, prefix, unusedMs }: UnusedFolders): Promise<void> {
  for (const entry of await readdir(parent, { withFileTypes: true })) {
    if (!entry.isDirectory() || !entry.name.startsWith(prefix)) continue;
    const folder = `${parent}/${entry.name}`;
    const lock = await newestLock(folder);
    if (lock !== null && Date.now() - lock.mtimeMs >= unusedMs)
      await rm(folder, { recursive: true, force: true });
  }
}
