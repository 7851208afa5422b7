import type { Readable } from 'node:stream';
import type { CacheArea, CacheEntry, DirectRead, EntryName } from './entry';
import type { StagedBytes } from './staged-bytes';

export type { CacheArea, CacheEntry, DirectRead, EntryKind, EntryName, EntryOrigin } from './entry';

/**
 * Port: what the pipelines of a project share. The first entry of a name in an area stays. Adapters may be slow, away, full or
 * wrong: they throw a DteError (or whatever their library throws), and `GuardedCache` turns that into a miss and one message.
 * They never hold an artifact in memory.
 */
export interface SharedCache {
  /** What messages call it: "the bucket s3://ci-cache/dte", "the cache of this coordinator". */
  readonly description: string;
  /** Null or omitted: jobs cannot write into this store themselves. */
  readonly staged?: StagedBytes | null;
  /** The entries that an area has; misses are left out. The order is that of `names`. */
  find(area: CacheArea, names: readonly EntryName[], signal: AbortSignal): Promise<CacheEntry[]>;
  /** The bytes of an entry that was found; null if they are gone. The caller reads or destroys the stream and compares the digest. */
  read(area: CacheArea, entry: CacheEntry, signal: AbortSignal): Promise<Readable | null>;
  /** Null if this store has no addresses of its own. */
  readDirectly(area: CacheArea, entry: CacheEntry): Promise<DirectRead | null>;
  /**
   * Stores an entry. `open` is called at most twice, and its stream has exactly `entry.bytes` bytes with the digest `entry.sha256`.
   * @returns `exists`: another one has the name, and is kept
   */
  write(
    area: CacheArea,
    entry: CacheEntry,
    open: () => Readable,
    signal: AbortSignal,
  ): Promise<'stored' | 'exists'>;
  /** Removes an entry that is damaged, if it is still the one with this digest. */
  remove(area: CacheArea, entry: CacheEntry): Promise<void>;
  /** Removes every entry, in all scopes of a project, that a pipeline made. @returns how many */
  forget(project: Pick<CacheArea, 'issuer' | 'projectId'>, pipelineId: string): Promise<number>;
  /**
   * Called when a session of this process is over, before it exits: everything that was written is where later pipelines find it.
   */
  flush(): Promise<void>;
  /** Gets what people should know and no call tells, one line each, without a full stop. Omitted: there is nothing of that kind. */
  onNote?(note: (line: string) => void): void;
  close(): Promise<void>;
}
