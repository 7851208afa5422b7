export { FolderSharedCache } from './folder-shared-cache';
export { sharedCacheContract, type SharedCacheUnderTest } from './shared-cache.contract';
