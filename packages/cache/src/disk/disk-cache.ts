import type { Readable } from 'node:stream';
import { DteError } from '@org/dte-protocol';
import type { CacheArea, CacheEntry, EntryName, SharedCache } from '../port/shared-cache';
import type { ProjectName } from './catalogue';
import { type DiskOptions, DiskStore } from './disk-store';

/**
 * The shared cache in a folder of a standalone coordinator. The first call opens the folder: whoever makes it must be the only process
 * that uses it. A coordinator has the lock of its data folder by then, and had it not when this was made. A question for no names
 * opens it as well, which takes some seconds for a million entries.
 */
export class DiskCache implements SharedCache {
  readonly description: string;
  private store: Promise<DiskStore> | null = null;
  private closing: Promise<void> | null = null;

  constructor(private readonly options: DiskOptions) {
    this.description = `the cache of the coordinator in ${options.folder}`;
  }

  async find(area: CacheArea, names: readonly EntryName[], signal: AbortSignal): Promise<CacheEntry[]> {
    return (await this.opened()).find(area, names, signal);
  }

  async read(area: CacheArea, entry: CacheEntry, signal: AbortSignal): Promise<Readable | null> {
    return (await this.opened()).read(area, entry, signal);
  }

  readDirectly(): Promise<null> {
    return Promise.resolve(null);
  }

  async write(
    area: CacheArea,
    entry: CacheEntry,
    open: () => Readable,
    signal: AbortSignal,
  ): Promise<'stored' | 'exists'> {
    return (await this.opened()).write(area, entry, open, signal);
  }

  async remove(area: CacheArea, entry: CacheEntry): Promise<void> {
    await (await this.opened()).remove(area, entry);
  }

  async forget(project: ProjectName, pipelineId: string): Promise<number> {
    return (await this.opened()).forget(project, pipelineId);
  }

  async flush(): Promise<void> {
    if (this.store !== null) await (await this.opened()).flush();
  }

  /** Afterwards, nothing touches the folder: it may be another process's. */
  close(): Promise<void> {
    const end = async (): Promise<void> => {
      const store = await this.store?.catch(() => null);
      await store?.close();
    };
    return (this.closing ??= end());
  }

  /** @throws DteError DTE_DISK_FULL; what the disk throws: the next call tries again */
  private opened(): Promise<DiskStore> {
    if (this.closing !== null)
      return Promise.reject(new DteError('DTE_INTERNAL', `${this.description} is closed already`));
    if (this.store === null) {
      this.store = DiskStore.open(this.options);
      this.store.catch(() => (this.store = null));
    }
    return this.store;
  }
}
