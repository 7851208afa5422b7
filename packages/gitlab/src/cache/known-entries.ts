import type { CacheEntry, EntryName } from '@org/dte-cache';
import type { CacheIndex, Forgotten, Pointer } from './index-file';

/**
 * How long it is remembered that a pipeline was forgotten. Not configurable: GitLab's default for `expire_in` is 30 days, after which no
 * index points to its artifacts.
 */
const FORGOTTEN_MS = 30 * 86_400_000;
/** Pipelines that an index names as forgotten, the newest of them: each was a decision of a person. */
const MOST_FORGOTTEN = 1_000;

const keyOf = ({ kind, hash }: EntryName): string => `${kind} ${hash}`;

/** What earlier pipelines have left for one scope: entries among the artifacts of their jobs. */
export class KnownEntries {
  private readonly entries = new Map<string, Pointer>();
  private readonly gone = new Map<string, Forgotten>();

  /**
   * @param indexes of two with an entry of one name, the first one counts
   * @param elsewhere pipelines that the index of another scope has forgotten
   */
  constructor(
    indexes: readonly CacheIndex[],
    private readonly nowMs: number,
    elsewhere: readonly Forgotten[] = [],
  ) {
    for (const each of [...elsewhere, ...indexes.flatMap(({ forgotten }) => forgotten)])
      if (each.untilMs > nowMs) this.gone.set(each.pipelineId, each);
    for (const { pipelineId, entries } of indexes) {
      if (this.gone.has(pipelineId)) continue;
      for (const entry of entries) this.add(entry);
    }
  }

  get size(): number {
    return this.entries.size;
  }

  get all(): Pointer[] {
    return [...this.entries.values()];
  }

  get forgotten(): Forgotten[] {
    return [...this.gone.values()].sort((a, b) => b.untilMs - a.untilMs).slice(0, MOST_FORGOTTEN);
  }

  find(name: EntryName): Pointer | undefined {
    return this.entries.get(keyOf(name));
  }

  /** Removes an entry if it is still the one with this digest. */
  drop(entry: CacheEntry): void {
    const key = keyOf(entry);
    if (this.entries.get(key)?.sha256 === entry.sha256) this.entries.delete(key);
  }

  /** Removes the entries of a pipeline, and remembers that no index may bring them back. @returns the entries */
  forget(pipelineId: string): Pointer[] {
    const dropped = this.all.filter(({ origin }) => origin.pipelineId === pipelineId);
    for (const entry of dropped) this.entries.delete(keyOf(entry));
    this.gone.set(pipelineId, { pipelineId, untilMs: this.nowMs + FORGOTTEN_MS });
    return dropped;
  }

  private add(entry: Pointer): void {
    const key = keyOf(entry);
    const isOver = entry.expiresAtMs !== null && entry.expiresAtMs <= this.nowMs;
    if (isOver || this.gone.has(entry.origin.pipelineId) || this.entries.has(key)) return;
    this.entries.set(key, entry);
  }
}
