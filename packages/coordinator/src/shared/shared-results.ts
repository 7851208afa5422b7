import type { Readable } from 'node:stream';
import {
  type CacheEntry,
  type EntryName,
  type FoundEntry,
  type GuardedCache,
  type GuardedStaging,
  type StagedName,
  TRUSTED,
} from '@org/dte-cache';
import type { CacheOrigin } from '@org/dte-protocol';
import type { CacheGrant, ReadGrant } from '../auth/cache-grant';
import type { Notices } from './notices';

/** The shared cache as the clients of this coordinator may use it: each within what its grant allows. */
export class SharedResults {
  /** @param issuers whose jobs are accepted now: the grant of a token from before a change of this option is worth nothing */
  constructor(
    private readonly cache: GuardedCache,
    private readonly issuers: readonly string[],
    /** What main jobs hear of its trouble. */
    readonly notices: Notices,
  ) {}

  /** See `GuardedCache.prepare`. */
  prepare(): void {
    this.cache.prepare();
  }

  /** Into which jobs write themselves; null: they cannot. */
  get staging(): GuardedStaging | null {
    return this.cache.staging;
  }

  /** What was found for each of `names` in the scopes that the caller reads, in their order; null for misses. */
  async find(grant: ReadGrant | null, names: readonly EntryName[]): Promise<(FoundEntry | null)[]> {
    if (!this.isAccepted(grant)) return names.map(() => null);
    const { issuer, projectId, read } = grant.access;
    const areas = read.map((scope) => ({ issuer, projectId, scope }));
    return this.cache.find(areas, names);
  }

  async findOne(grant: ReadGrant | null, name: EntryName): Promise<FoundEntry | null> {
    const [found = null] = await this.find(grant, [name]);
    return found;
  }

  /** See `GuardedCache.read`. An entry without bytes is removed, so that its name is free again. */
  async read(found: FoundEntry): Promise<Readable | null> {
    const body = await this.cache.read(found);
    if (body === null) void this.cache.verify(found);
    return body;
  }

  /** Where the caller can read the bytes without this process; null: nowhere. */
  async addressOf(found: FoundEntry): Promise<string | null> {
    return (await this.cache.readDirectly(found))?.url ?? null;
  }

  /** A reader suspects damage: reads the entry again here, and removes it where it lies. */
  verify(found: FoundEntry): Promise<'good' | 'removed' | 'absent'> {
    return this.cache.verify(found);
  }

  /**
   * Stores a result in the scope that its maker writes, in the background. Without such a scope, nothing happens.
   * @param source where its agent has put the bytes, or the bytes
   */
  publish(grant: CacheGrant | null, entry: CacheEntry, source: StagedName | (() => Readable)): void {
    if (!this.isAccepted(grant)) return;
    const { issuer, projectId, write } = grant.access;
    this.cache.store({ area: { issuer, projectId, scope: write }, entry }, source);
  }

  /** May the caller put bytes into the store itself? They are of its session only. */
  mayStage(grant: CacheGrant | null): boolean {
    return this.isAccepted(grant);
  }

  /** May the caller remove what other pipelines of its project have stored? Only if nobody else could have proposed what it runs. */
  mayForget(grant: CacheGrant | null): grant is CacheGrant {
    return this.isAccepted(grant) && grant.access.write === TRUSTED;
  }

  /**
   * Removes, from all scopes of the caller's project, what a pipeline has made.
   * @throws what `GuardedCache.forget` throws
   */
  forget({ access }: CacheGrant, pipelineId: string): Promise<number> {
    return this.cache.forget(access, pipelineId);
  }

  /** See `GuardedCache.flush`. */
  flush(ms?: number): Promise<void> {
    return this.cache.flush(ms);
  }

  close(): Promise<void> {
    return this.cache.close();
  }

  private isAccepted<T extends ReadGrant>(grant: T | null): grant is T {
    return grant !== null && this.issuers.includes(grant.access.issuer);
  }
}

/** What a client learns of the maker of an entry. */
export function originOf({ area, entry }: FoundEntry): CacheOrigin {
  const { pipelineId, jobId, commit, agent, atMs } = entry.origin;
  return { scope: area.scope === TRUSTED ? 'trusted' : 'own', pipelineId, jobId, commit, agent, atMs };
}
