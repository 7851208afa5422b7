export { type CacheAccess, cacheAccessOf, type Scope, TRUSTED } from './scope';
export type {
  CacheArea,
  CacheEntry,
  DirectRead,
  EntryKind,
  EntryName,
  EntryOrigin,
  SharedCache,
} from './shared-cache';
