import type { Readable } from 'node:stream';
import type { CacheArea, CacheEntry, DirectRead, EntryName, SharedCache } from '../port/shared-cache';
import type { StagedBytes } from '../port/staged-bytes';
import { Bucket, type BucketOptions, type FoundObject } from './bucket';
import { entryOfText, textOfEntry } from './entry-text';
import { forgetPipeline } from './forget';
import { areaKey, dataKey, entryPath, markKey, projectKey } from './keys';
import {
  CLOSE_MS,
  FEW_NAMES,
  PARALLEL_REQUESTS,
  PARALLEL_UPLOADS,
  PRESIGNED_MS,
  WAITING_UPLOADS,
} from './limits';
import { Lists } from './lists';
import { type Send, S3Staged } from './staged';
import { inParallel, Turns, unlessAborted } from './turns';
import { upload } from './upload';

export interface S3CacheOptions extends BucketOptions {
  /** What all keys begin with, without slashes at its ends; may be empty. */
  readonly prefix: string;
  /** Jobs may put bytes into the bucket themselves, at presigned addresses. Default: true. */
  readonly directUploads?: boolean;
  /** For specs: milliseconds since the epoch. */
  readonly now?: () => number;
}

/**
 * What a server does with the condition of a write: `ignored` until it has refused one because of it. Servers differ in this between
 * what they receive and what they copy.
 */
type Conditions = 'ignored' | 'obeyed' | 'unsupported';

/** How the object of an entry is made. */
interface Making {
  readonly how: 'upload' | 'copy';
  readonly send: Send;
}

/** Where an entry is. */
interface Place {
  readonly area: string;
  /** Below the area. */
  readonly path: string;
  readonly folder: string;
}

/**
 * Entries in a bucket of any S3-compatible server; `keys.ts` has the layout.
 *
 * The first entry of a name stays: its object is written on the condition that there is none. A server that ignores the condition
 * is noticed by looking afterwards, whose object it is. Then the last of two writers that overlap wins, and what is left is this:
 * who looked up the first one reads bytes with another digest, which is a miss.
 */
class S3Cache implements SharedCache {
  readonly description: string;
  private readonly bucket: Bucket;
  private readonly lists: Lists;
  private readonly uploads = new Turns(PARALLEL_UPLOADS, WAITING_UPLOADS);
  /** What is being written, and for whom. */
  private readonly running = new Map<Promise<unknown>, string>();
  private readonly closing = new AbortController();
  private readonly conditions: Record<Making['how'], Conditions> = { upload: 'ignored', copy: 'ignored' };
  readonly staged: StagedBytes | null;

  constructor(private readonly options: S3CacheOptions) {
    const { bucket, prefix, endpoint, now = Date.now, directUploads = true } = options;
    const path = prefix === '' ? bucket : `${bucket}/${prefix}`;
    this.description = `the bucket s3://${path}${endpoint === undefined ? '' : ` at ${endpoint}`}`;
    this.bucket = new Bucket(options);
    this.lists = new Lists(this.bucket, now);
    this.staged = directUploads
      ? new S3Staged({
          bucket: this.bucket,
          prefix,
          untilClosed: (signal) => this.untilClosed(signal),
          store: (area, entry, send, signal) => this.make(area, entry, { how: 'copy', send }, signal),
        })
      : null;
  }

  async find(area: CacheArea, names: readonly EntryName[], signal: AbortSignal): Promise<CacheEntry[]> {
    const key = areaKey(this.options.prefix, area);
    const isFew = names.length <= FEW_NAMES;
    const list = isFew ? this.lists.recent(key) : await this.lists.of(key, signal);
    const answers = names.map((name) => {
      const text = list?.get(entryPath(name));
      const entry = typeof text === 'string' ? entryOfText(name, text) : null;
      // A list answers a large question. A few names are worth a look each: a list may be a minute old.
      const isMiss = list !== null && text === undefined && !isFew;
      return { name, entry, isOpen: entry === null && !isMiss };
    });
    const open = answers.filter(({ isOpen }) => isOpen);
    await inParallel(open, PARALLEL_REQUESTS, async (answer) => {
      answer.entry = await this.look(this.placeOf(area, answer.name), answer.name, signal);
    });
    return answers.map(({ entry }) => entry).filter((entry) => entry !== null);
  }

  async read(area: CacheArea, entry: CacheEntry, signal: AbortSignal): Promise<Readable | null> {
    const { folder } = this.placeOf(area, entry);
    return await this.bucket.get(dataKey(folder), this.untilClosed(signal));
  }

  async readDirectly(area: CacheArea, entry: CacheEntry): Promise<DirectRead | null> {
    return await this.bucket.presign(dataKey(this.placeOf(area, entry).folder), PRESIGNED_MS);
  }

  write(
    area: CacheArea,
    entry: CacheEntry,
    open: () => Readable,
    signal: AbortSignal,
  ): Promise<'stored' | 'exists'> {
    const send: Send = (object) => upload(this.bucket, { entry, open, ...object });
    return this.make(area, entry, { how: 'upload', send }, signal);
  }

  private async make(
    area: CacheArea,
    entry: CacheEntry,
    making: Making,
    signal: AbortSignal,
  ): Promise<'stored' | 'exists'> {
    const until = this.untilClosed(signal);
    await this.uploads.take(until);
    const work = this.store(this.placeOf(area, entry), entry, making, until).finally(() => {
      this.uploads.leave();
      this.running.delete(work);
    });
    this.running.set(work, makerKey(area, entry.origin.pipelineId));
    return await unlessAborted(work, until);
  }

  async remove(area: CacheArea, entry: CacheEntry): Promise<void> {
    const place = this.placeOf(area, entry);
    const { signal } = this.closing;
    const current = await this.look(place, entry, signal);
    if (current !== null && current.sha256 !== entry.sha256) await this.correct(place, current, signal);
    else await this.clear(place, null, signal);
  }

  async forget(project: Pick<CacheArea, 'issuer' | 'projectId'>, pipelineId: string): Promise<number> {
    const key = projectKey(this.options.prefix, project);
    // An upload that nobody waits for any more goes on to its answer: the list would not have what it stores.
    const maker = makerKey(project, pipelineId);
    await Promise.allSettled([...this.running].filter(([, of]) => of === maker).map(([work]) => work));
    const count = await forgetPipeline(this.bucket, key, pipelineId, this.closing.signal);
    this.lists.drop(key);
    return count;
  }

  /** An entry is in the bucket when `write` returns. */
  flush(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.closing.abort(new Error(`${this.description} is closed`));
    this.lists.close();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => (timer = setTimeout(resolve, CLOSE_MS)));
    await Promise.race([Promise.allSettled(this.running.keys()), late]);
    clearTimeout(timer);
    this.bucket.close();
  }

  private placeOf(area: CacheArea, name: EntryName): Place {
    const key = areaKey(this.options.prefix, area);
    const path = entryPath(name);
    return { area: key, path, folder: `${key}${path}` };
  }

  private untilClosed(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.closing.signal]);
  }

  /** The entry that an object is; null if there is none, or if it is not what its metadata say. */
  private async look(place: Place, name: EntryName, signal: AbortSignal): Promise<CacheEntry | null> {
    return entryOfObject(name, await this.bucket.head(dataKey(place.folder), signal));
  }

  private async store(
    place: Place,
    entry: CacheEntry,
    making: Making,
    signal: AbortSignal,
  ): Promise<'stored' | 'exists'> {
    const object = await this.bucket.head(dataKey(place.folder), signal);
    const earlier = entryOfObject(entry, object);
    if (earlier !== null) return await this.exists(place, earlier, signal);
    // What has the key and is no entry would keep the name from everybody for ever.
    if (object !== null) await this.clear(place, null, signal);
    const text = textOfEntry(entry);
    const result = await this.put(making, { key: dataKey(place.folder), text, signal });
    if (result === 'stored' && this.conditions[making.how] === 'obeyed') {
      await this.mark(place, entry, signal);
      return 'stored';
    }
    const kept = await this.look(place, entry, signal);
    if (kept === null) throw new Error(`what was written to ${this.bucket.where} is not there`);
    if (result === 'exists' || textOfEntry(kept) !== text) return await this.exists(place, kept, signal);
    await this.mark(place, entry, signal);
    return 'stored';
  }

  private async put(
    { how, send }: Making,
    object: Omit<Parameters<Send>[0], 'isConditional'>,
  ): Promise<'stored' | 'exists'> {
    const isConditional = this.conditions[how] !== 'unsupported';
    const result = await send({ ...object, isConditional });
    if (result === 'exists') this.conditions[how] = 'obeyed';
    if (result !== 'unsupported') return result;
    this.conditions[how] = 'unsupported';
    await send({ ...object, isConditional: false });
    return 'stored';
  }

  /** Whoever wrote it may have ended before it was marked. */
  private async exists(place: Place, entry: CacheEntry, signal: AbortSignal): Promise<'exists'> {
    await this.mark(place, entry, signal);
    return 'exists';
  }

  private async mark(place: Place, entry: CacheEntry, signal: AbortSignal): Promise<void> {
    const text = textOfEntry(entry);
    const key = markKey(place.folder, entry.bytes, text);
    if (key !== null) await this.bucket.mark(key, signal);
    this.lists.added(place.area, place.path, text);
  }

  /** Marks of an entry that another one has replaced would make every question find the former. */
  private async correct(place: Place, entry: CacheEntry, signal: AbortSignal): Promise<void> {
    await this.clear(place, entry, signal);
    await this.mark(place, entry, signal);
  }

  /** Removes what is in the folder of an entry. @param kept the entry whose own keys stay */
  private async clear(place: Place, kept: CacheEntry | null, signal: AbortSignal): Promise<void> {
    const { area, path, folder } = place;
    this.lists.removed(area, path);
    const stay = kept === null ? [] : [dataKey(folder), markKey(folder, kept.bytes, textOfEntry(kept))];
    for await (const keys of this.bucket.pages(folder, null, signal)) {
      const gone = keys.filter(({ key }) => !stay.includes(key));
      await inParallel(gone, PARALLEL_REQUESTS, ({ key }) => this.bucket.delete(key, signal));
    }
  }
}

const makerKey = (
  { issuer, projectId }: Pick<CacheArea, 'issuer' | 'projectId'>,
  pipelineId: string,
): string => JSON.stringify([issuer, projectId, pipelineId]);

function entryOfObject(name: EntryName, object: FoundObject | null): CacheEntry | null {
  const entry = object?.text == null ? null : entryOfText(name, object.text);
  return entry?.bytes === object?.bytes ? entry : null;
}

/** Opens a bucket. @throws DteError DTE_BAD_CONFIG if the AWS SDK is not installed */
export const openS3Cache = (options: S3CacheOptions): SharedCache => new S3Cache(options);
