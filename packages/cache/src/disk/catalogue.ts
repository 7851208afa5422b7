import type { CacheArea, CacheEntry, EntryKind, EntryName, EntryOrigin } from '../port/shared-cache';
import { type Linked, RecencyList } from './recency';
import { Shared } from './shared';

/** Bytes, and how many entries name them. */
interface Blob {
  readonly sha256: string;
  readonly bytes: number;
  names: number;
}

/** Equal for many entries, and in memory once. */
type Maker = Omit<EntryOrigin, 'taskId' | 'atMs'>;

/** One entry. There may be a million of them: numbers and references to what they share. */
export interface Item extends Linked<Item> {
  readonly number: number;
  readonly area: Area;
  readonly kind: EntryKind;
  readonly hash: string;
  readonly blob: Blob;
  readonly maker: Maker;
  readonly taskId: string;
  readonly atMs: number;
  /** Since the epoch: when it was last read or, if never, stored. */
  readMinute: number;
  /** What the index says of `readMinute`. */
  savedMinute: number;
  /** Length of its line in the index. */
  readonly lineBytes: number;
}

/** What is needed for an item. */
export interface NewItem {
  readonly number: number;
  readonly area: CacheArea;
  readonly entry: CacheEntry;
  readonly minute: number;
  readonly lineBytes: number;
}

interface Area {
  readonly project: Project;
  readonly scope: string;
  /** By hash. */
  readonly items: Readonly<Record<EntryKind, Map<string, Item>>>;
}

interface Project {
  readonly issuer: string;
  readonly projectId: string;
  readonly areas: Map<string, Area>;
  readonly order: RecencyList<Item>;
  /** Of its entries; bytes that two of them share count twice. */
  bytes: number;
}

export type ProjectName = Pick<CacheArea, 'issuer' | 'projectId'>;

/** With the length of one part, no two pairs have the same key. Not JSON, which takes longer than the rest of a lookup. */
export const keyOf = ({ issuer, projectId }: ProjectName): string => `${issuer.length} ${issuer}${projectId}`;

export const areaOf = ({ area: { project, scope } }: Item): CacheArea => ({
  issuer: project.issuer,
  projectId: project.projectId,
  scope,
});

export function entryOf({ kind, hash, blob, maker, taskId, atMs }: Item): CacheEntry {
  const { bytes, sha256 } = blob;
  const { pipelineId, jobId, commit, ref, agent } = maker;
  // Written out: to spread the maker takes five times as long, in a question of 50,000 hashes.
  return { kind, hash, bytes, sha256, origin: { pipelineId, jobId, commit, ref, agent, taskId, atMs } };
}

/** All entries, in memory: what they are called, who made them, and in which order they were used. Never their bytes. */
export class Catalogue {
  private readonly projects = new Map<string, Project>();
  private readonly blobs = new Map<string, Blob>();
  private readonly makers = new Shared<Maker>(({ pipelineId, jobId, commit, ref, agent }) =>
    JSON.stringify([pipelineId, jobId, commit, ref, agent]),
  );
  private readonly taskIds = new Shared<string>((taskId) => taskId);
  /** Of all blobs: bytes that entries share count once. */
  bytes = 0;
  size = 0;

  /** For a question of many names, the area is looked up once. */
  area(area: CacheArea): { get(name: EntryName): Item | undefined } {
    const items = this.projects.get(keyOf(area))?.areas.get(area.scope)?.items;
    return { get: ({ kind, hash }) => items?.[kind].get(hash) };
  }

  get(area: CacheArea, name: EntryName): Item | undefined {
    return this.area(area).get(name);
  }

  hasBlob(sha256: string): boolean {
    return this.blobs.has(sha256);
  }

  bytesOf(project: ProjectName): number {
    return this.projects.get(keyOf(project))?.bytes ?? 0;
  }

  /** Adds an entry whose name is free, as the most recently used. */
  add({ number, area: { issuer, projectId, scope }, entry, minute, lineBytes }: NewItem): Item {
    const area = this.areaFor({ issuer, projectId, scope });
    const { pipelineId, jobId, commit, ref, agent, taskId, atMs } = entry.origin;
    const item: Item = {
      number,
      area,
      kind: entry.kind,
      hash: entry.hash,
      blob: this.blobFor(entry),
      maker: this.makers.of({ pipelineId, jobId, commit, ref, agent }),
      taskId: this.taskIds.of(taskId),
      atMs,
      readMinute: minute,
      savedMinute: minute,
      lineBytes,
      older: null,
      newer: null,
    };
    area.items[item.kind].set(item.hash, item);
    area.project.order.add(item);
    area.project.bytes += item.blob.bytes;
    this.size += 1;
    return item;
  }

  /** @returns the digest of bytes that no entry names any more; null if others name them */
  remove(item: Item): string | null {
    const { area, kind, hash, blob } = item;
    const { project } = area;
    area.items[kind].delete(hash);
    project.order.remove(item);
    project.bytes -= blob.bytes;
    this.size -= 1;
    if (area.items.cache.size + area.items.terminal.size === 0) project.areas.delete(area.scope);
    if (project.areas.size === 0) this.projects.delete(keyOf(project));
    blob.names -= 1;
    if (blob.names > 0) return null;
    this.blobs.delete(blob.sha256);
    this.bytes -= blob.bytes;
    return blob.sha256;
  }

  /** False if it was removed. */
  has(item: Item): boolean {
    return item.area.items[item.kind].get(item.hash) === item;
  }

  use(item: Item, minute: number): void {
    item.readMinute = Math.max(item.readMinute, minute);
    const { order } = item.area.project;
    order.remove(item);
    order.add(item);
  }

  /** Of a project, in the order of use. The one that was given may be removed. */
  *itemsOf(project: ProjectName): Generator<Item, void, undefined> {
    const known = this.projects.get(keyOf(project));
    if (known !== undefined) yield* known.order;
  }

  /** Those that have entries. One may lose its last one meanwhile. */
  projectNames(): Iterable<ProjectName> {
    return this.projects.values();
  }

  *items(): Generator<Item, void, undefined> {
    for (const { order } of this.projects.values()) yield* order;
  }

  /** The least recently used one: of a project, or of all (each project is looked at, of which there are thousands at most). */
  oldest(project?: ProjectName): Item | null {
    if (project !== undefined) return this.projects.get(keyOf(project))?.order.oldest ?? null;
    let oldest: Item | null = null;
    for (const { order } of this.projects.values()) {
      const candidate = order.oldest;
      if (candidate !== null && (oldest === null || candidate.readMinute < oldest.readMinute))
        oldest = candidate;
    }
    return oldest;
  }

  /** Puts everything in the order of `readMinute`, after it was read from the index. */
  sort(): void {
    const items = [...this.items()].sort(
      (left, right) => left.readMinute - right.readMinute || left.number - right.number,
    );
    for (const item of items) this.use(item, item.readMinute);
  }

  private areaFor({ issuer, projectId, scope }: CacheArea): Area {
    const key = keyOf({ issuer, projectId });
    const project = this.projects.get(key) ?? {
      issuer,
      projectId,
      areas: new Map<string, Area>(),
      order: new RecencyList<Item>(),
      bytes: 0,
    };
    this.projects.set(key, project);
    const area = project.areas.get(scope) ?? {
      project,
      scope,
      items: { cache: new Map<string, Item>(), terminal: new Map<string, Item>() },
    };
    project.areas.set(scope, area);
    return area;
  }

  private blobFor({ sha256, bytes }: CacheEntry): Blob {
    const known = this.blobs.get(sha256);
    if (known !== undefined) {
      known.names += 1;
      return known;
    }
    const blob = { sha256, bytes, names: 1 };
    this.blobs.set(sha256, blob);
    this.bytes += bytes;
    return blob;
  }
}
