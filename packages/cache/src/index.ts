export { type FoundEntry, type CacheMeter, GuardedCache } from './guard/guarded-cache';
export { type CacheAccess, accessTo, cacheAccessOf, isProposal, type Scope, TRUSTED } from './scope';
export { DiskCache } from './disk/disk-cache';
export { missingSdk, openBucket } from './s3';
export type {
  CacheArea,
  CacheEntry,
  DirectRead,
  EntryKind,
  EntryName,
  EntryOrigin,
  SharedCache,
} from './shared-cache';
