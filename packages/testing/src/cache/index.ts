export { FolderSharedCache } from './folder-shared-cache';
export { sharedCacheContract } from './shared-cache.contract';
