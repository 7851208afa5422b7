import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FolderSharedCache } from './folder-shared-cache';
import { sharedCacheContract } from './shared-cache.contract';

sharedCacheContract('a folder, for specs', async () => {
  const root = await mkdtemp(join(tmpdir(), 'dte-shared-'));
  return {
    store: new FolderSharedCache(root),
    reopen: () => Promise.resolve(new FolderSharedCache(root)),
    cleanUp: () => rm(root, { recursive: true, force: true }),
  };
});
