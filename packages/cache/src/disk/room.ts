import { DteError } from '@org/dte-protocol';
import type { CacheEntry } from '../port/shared-cache';
import { type Catalogue, type Item, keyOf, type ProjectName } from './catalogue';

export interface Quota {
  /** Of all entries. */
  readonly maxBytes: number;
  /** Of the entries of one project. */
  readonly projectBytes: number;
}

/**
 * Keeps the store within its quota: what has to go for an entry goes before its bytes are received.
 *
 * A project can take no more than its share from others, who lose what was not read for longest. Within a project, pipelines of all
 * refs share it: whoever may start pipelines can make the entries of others go, which costs time and nothing else.
 */
export class Room {
  private reserved = 0;
  private readonly reservedByProject = new Map<string, number>();

  constructor(
    private readonly quota: Quota,
    private readonly catalogue: Catalogue,
    private readonly drop: (item: Item) => void,
  ) {}

  /**
   * Makes room for an entry that is being received.
   * @returns to be called when it is stored, or is not
   * @throws DteError DTE_CACHE_QUOTA
   */
  reserve(project: ProjectName, { bytes, hash }: CacheEntry): () => void {
    const { projectBytes, maxBytes } = this.quota;
    const most = Math.min(projectBytes, maxBytes);
    if (bytes > most) throw refusal(hash, bytes, `one project may have ${most}`);
    const key = keyOf(project);
    this.reserveBytes(key, bytes);
    const release = (): void => this.reserveBytes(key, -bytes);
    while (this.isOver(project) || this.isOver()) {
      const item = this.catalogue.oldest(this.isOver(project) ? project : undefined);
      if (item === null) {
        release();
        throw refusal(hash, bytes, 'all room is taken by entries that are being received');
      }
      this.drop(item);
    }
    return release;
  }

  /** The entry that has to go first; null if the store is within its quota. */
  surplus(project?: ProjectName): Item | null {
    return this.isOver(project) ? this.catalogue.oldest(project) : null;
  }

  private isOver(project?: ProjectName): boolean {
    const { projectBytes, maxBytes } = this.quota;
    if (project === undefined) return this.catalogue.bytes + this.reserved > maxBytes;
    const reserved = this.reservedByProject.get(keyOf(project)) ?? 0;
    return this.catalogue.bytesOf(project) + reserved > projectBytes;
  }

  private reserveBytes(key: string, bytes: number): void {
    this.reserved += bytes;
    const ofProject = (this.reservedByProject.get(key) ?? 0) + bytes;
    if (ofProject === 0) this.reservedByProject.delete(key);
    else this.reservedByProject.set(key, ofProject);
  }
}

const refusal = (hash: string, bytes: number, why: string): DteError =>
  new DteError(
    'DTE_CACHE_QUOTA',
    `The shared cache has no room for the ${bytes} bytes of hash ${hash}: ${why}. It goes on without them.`,
  );
