import type { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CacheArea, CacheEntry, EntryName, SharedCache } from '../port/shared-cache';
import { BlobFiles, SHARDS } from './blob-files';
import { Catalogue, entryOf, type Item, type ProjectName } from './catalogue';
import { diskError, type FileSystem, nodeFileSystem } from './file-system';
import { DiskIndex } from './disk-index';
import { Room } from './room';
import { Serial } from './serial';

/** The unit of times of reading, in ms. */
const MINUTE_MS = 60_000;
/**
 * How often it is looked after: entries of age go, the times of reading are written, and the files of one shard are compared with
 * the index, so that all are in about four hours. Not configurable: nobody waits for it.
 */
const HOUSEKEEPING_MS = MINUTE_MS;
/** Entries that are looked at in one turn of the event loop: a few milliseconds. Not configurable: nobody notices them. */
const PER_TURN = 5_000;

export interface DiskOptions {
  /** Its folder. This process must be the only one that uses it. */
  readonly folder: string;
  /** Of all entries. */
  readonly maxBytes: number;
  /** Of the entries of one project. */
  readonly projectBytes: number;
  /** Entries go when they were neither read nor stored for this long. */
  readonly ageMs: number;
  /** Told what went wrong in the background, in one sentence. */
  readonly warn: (message: string) => void;
  readonly fs?: FileSystem;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/**
 * At most half of the disk. The other half is for the sessions of the coordinator, which takes no new ones when the disk is full: a cache must
 * never be the reason.
 */
async function roomOnDisk({ folder, maxBytes, warn }: DiskOptions, fs: FileSystem): Promise<number> {
  const { bsize, blocks } = await fs.statfs(folder);
  const half = Math.floor((bsize * blocks) / 2);
  // Some file systems do not know their size.
  if (half === 0 || maxBytes <= half) return maxBytes;
  const wanted = `${maxBytes} bytes (DTE_CACHE_BYTES)`;
  warn(`the shared cache in ${folder} takes at most ${half} bytes, half of its disk, and not ${wanted}`);
  return half;
}

type Store = Omit<SharedCache, 'description' | 'readDirectly'>;

/**
 * Entries in a folder: `blobs/` with their bytes, `index-1` with everything else, `tmp/` with what is being received.
 *
 * What entries are called and who made them is in memory; it is read from the index when the store is opened, so that no folder is
 * searched. An entry is stored when its line is in the index, after its bytes are complete: a crash leaves whole entries or none.
 * What is over the quota goes before new bytes are received: the least recently read of the project first, then of all projects.
 * An entry that somebody asks for counts as read. Reading does not verify bytes: every reader does, and calls `remove`.
 */
export class DiskStore implements Store {
  private readonly catalogue: Catalogue;
  private readonly blobs: BlobFiles;
  private readonly room: Room;
  /** Bytes between their rename and their line in the index, by digest. */
  private readonly adopted = new Set<string>();
  /** Decides which of two entries of a name is kept. */
  private readonly commits = new Serial();
  private readonly now: () => number;
  private timer: NodeJS.Timeout | null = null;
  private housekeeping: Promise<void> = Promise.resolve();
  private nextShard = 0;
  private complained = '';

  private constructor(
    private readonly options: DiskOptions,
    catalogue: Catalogue,
    private readonly index: DiskIndex,
  ) {
    const { folder, fs = nodeFileSystem, now = Date.now } = options;
    this.catalogue = catalogue;
    this.now = now;
    const isWanted = (sha256: string): boolean => catalogue.hasBlob(sha256) || this.adopted.has(sha256);
    this.blobs = new BlobFiles(fs, folder, isWanted);
    this.room = new Room(options, catalogue, (item) => this.drop(item));
  }

  /** @throws DteError DTE_DISK_FULL; what the disk throws */
  static async open(options: DiskOptions): Promise<DiskStore> {
    const { folder, fs = nodeFileSystem, warn } = options;
    try {
      await fs.mkdir(folder, { recursive: true, mode: 0o700 });
      const maxBytes = await roomOnDisk(options, fs);
      const catalogue = new Catalogue();
      const index = await DiskIndex.open(fs, folder, catalogue, warn);
      const cache = new DiskStore({ ...options, maxBytes }, catalogue, index);
      await cache.blobs.open().catch(async (thrown: unknown) => {
        await index.close();
        throw thrown;
      });
      await cache.trim();
      cache.timer = setInterval(() => cache.lookAfter(), HOUSEKEEPING_MS).unref();
      return cache;
    } catch (thrown) {
      throw diskError(thrown, 'the shared cache', folder);
    }
  }

  async find(area: CacheArea, names: readonly EntryName[], signal: AbortSignal): Promise<CacheEntry[]> {
    signal.throwIfAborted();
    const known = this.catalogue.area(area);
    const found: CacheEntry[] = [];
    for (const [index, name] of names.entries()) {
      if (index % PER_TURN === PER_TURN - 1) await nextTurn();
      const item = this.used(known.get(name));
      if (item !== null) found.push(entryOf(item));
    }
    return found;
  }

  async read(area: CacheArea, entry: CacheEntry, signal: AbortSignal): Promise<Readable | null> {
    const item = this.used(this.catalogue.get(area, entry));
    if (item?.blob.sha256 !== entry.sha256) return null;
    const body = await this.blobs.read(item.blob, signal);
    if (body === null) this.drop(item);
    return body;
  }

  async write(
    area: CacheArea,
    entry: CacheEntry,
    open: () => Readable,
    signal: AbortSignal,
  ): Promise<'stored' | 'exists'> {
    if (this.alive(this.catalogue.get(area, entry)) !== null) return 'exists';
    const release = this.room.reserve(area, entry);
    try {
      const temp = await this.blobs.receive(entry, open, signal);
      return await this.commits.run(() => this.commit(area, entry, temp));
    } catch (thrown) {
      throw diskError(thrown, `hash ${entry.hash} (${entry.bytes} bytes)`, this.options.folder);
    } finally {
      release();
    }
  }

  async remove(area: CacheArea, entry: CacheEntry): Promise<void> {
    const item = this.catalogue.get(area, entry);
    if (item?.blob.sha256 !== entry.sha256) return;
    this.drop(item);
    await this.flush();
  }

  /** Afterwards, neither damage nor a crash of the machine can bring them back. */
  async forget(project: ProjectName, pipelineId: string): Promise<number> {
    const items = [...this.catalogue.itemsOf(project)].filter(({ maker }) => maker.pipelineId === pipelineId);
    items.forEach((item) => this.drop(item));
    if (items.length === 0 && !this.index.isUnsafe) return 0;
    try {
      // Before, since a full disk has no room for an index.
      await this.blobs.idle();
      await this.index.rewrite();
    } catch (thrown) {
      throw diskError(thrown, 'an index without what was forgotten', this.options.folder);
    }
    return items.length;
  }

  /** Entries are where later pipelines find them when they are stored. What is missing are times of reading. */
  async flush(): Promise<void> {
    await this.index.save().catch((thrown: unknown) => this.complain(thrown));
  }

  async close(): Promise<void> {
    clearInterval(this.timer ?? undefined);
    await this.housekeeping;
    await this.commits.run(() => this.index.saveAll()).catch((thrown: unknown) => this.complain(thrown));
    await this.blobs.close();
    await this.index.close();
  }

  /** What is done every minute: entries of age and beyond the quota go, the index is written, one shard is compared with it. */
  async tidy(): Promise<void> {
    await this.trim();
    await this.index.save();
    await this.blobs.sweep(SHARDS[this.nextShard] ?? '00');
    this.nextShard = (this.nextShard + 1) % SHARDS.length;
  }

  /** The files of what was removed are gone. */
  settled(): Promise<void> {
    return this.blobs.idle();
  }

  private lookAfter(): void {
    const tidied = this.housekeeping.then(() => this.tidy());
    this.housekeeping = tidied.catch((thrown: unknown) => this.complain(thrown));
  }

  private async trim(): Promise<void> {
    let dropped = 0;
    const dropAll = async (next: () => Item | null): Promise<void> => {
      for (let item = next(); item !== null; item = next()) {
        this.drop(item);
        dropped += 1;
        if (dropped % PER_TURN === 0) await nextTurn();
      }
    };
    for (const project of this.catalogue.projectNames()) {
      await dropAll(() => {
        const oldest = this.catalogue.oldest(project);
        return oldest !== null && this.isOld(oldest) ? oldest : this.room.surplus(project);
      });
    }
    await dropAll(() => this.room.surplus());
  }

  /** Serial: nobody else takes the name meanwhile. */
  private async commit(area: CacheArea, entry: CacheEntry, temp: string): Promise<'stored' | 'exists'> {
    const { sha256 } = entry;
    if (this.alive(this.catalogue.get(area, entry)) !== null) {
      await this.blobs.discardTemp(temp);
      return 'exists';
    }
    this.adopted.add(sha256);
    try {
      await this.blobs.adopt(temp, sha256);
      await this.index.store(area, entry, this.minute());
      return 'stored';
    } catch (thrown) {
      await this.blobs.discardTemp(temp);
      throw thrown;
    } finally {
      this.adopted.delete(sha256);
      if (!this.catalogue.hasBlob(sha256)) this.blobs.discard(sha256);
    }
  }

  private used(item: Item | undefined): Item | null {
    const alive = this.alive(item);
    if (alive === null) return null;
    this.catalogue.use(alive, this.minute());
    this.index.use(alive);
    return alive;
  }

  private alive(item: Item | undefined): Item | null {
    if (item === undefined) return null;
    if (!this.isOld(item)) return item;
    this.drop(item);
    return null;
  }

  /** Removes an entry, if nobody else has. */
  private drop(item: Item): void {
    if (!this.catalogue.has(item)) return;
    const bytes = this.catalogue.remove(item);
    this.index.remove(item);
    if (bytes !== null) this.blobs.discard(bytes);
  }

  private readonly isOld = ({ readMinute }: Item): boolean =>
    this.now() - readMinute * MINUTE_MS > this.options.ageMs;

  private readonly minute = (): number => Math.floor(this.now() / MINUTE_MS);

  /** The same trouble once: it is met again every minute. */
  private complain(thrown: unknown): void {
    const { message } = diskError(thrown, 'the index', this.options.folder);
    if (message !== this.complained) this.options.warn(message);
    this.complained = message;
  }
}
