export { type FoundEntry, type CacheMeter, GuardedCache } from './guard/guarded-cache';
export type { CacheTrouble } from './guard/troubles';
export { type CacheAccess, accessTo, cacheAccessOf, isProposal, type Scope, TRUSTED } from './port/scope';
export type { GuardedStaging } from './guard/guarded-staging';
export type { DirectWrite, StagedBytes, StagedName } from './port/staged-bytes';
export { DiskCache } from './disk/disk-cache';
export { missingSdk, openBucket } from './s3';
export type {
  CacheArea,
  CacheEntry,
  DirectRead,
  EntryKind,
  EntryName,
  SharedCache,
} from './port/shared-cache';
