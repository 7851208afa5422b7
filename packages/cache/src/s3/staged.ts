import type { Readable } from 'node:stream';
import { DteError } from '@org/dte-protocol';
import type { CacheArea, CacheEntry, DirectRead } from '../port/shared-cache';
import type { DirectWrite, StagedBytes, StagedName, StagedState } from '../port/staged-bytes';
import type { Bucket, FoundObject } from './bucket';
import { copy } from './copy';
import { stagedKey } from './keys';
import { PARALLEL_REQUESTS, PRESIGNED_MS, STAGED_BYTES } from './limits';
import { inParallel } from './turns';
import type { UploadResult } from './upload';

/** How an object of an entry comes into being. */
export type Send = (object: {
  readonly key: string;
  readonly text: string;
  readonly isConditional: boolean;
  readonly signal: AbortSignal;
}) => Promise<UploadResult>;

export interface StagedOptions {
  readonly bucket: Bucket;
  readonly prefix: string;
  readonly untilClosed: (signal: AbortSignal) => AbortSignal;
  /** Stores an entry whose object is made by `send`. */
  readonly store: (
    area: CacheArea,
    entry: CacheEntry,
    send: Send,
    signal: AbortSignal,
  ) => Promise<'stored' | 'exists'>;
}

/**
 * Bytes that jobs put into a bucket, in a folder for each place: `<prefix>/staged/v1/<place>/<sha256>`. The bucket itself compares what
 * arrives with the checksum in the signature of the address; a server that does not is noticed, because it cannot tell the
 * checksum of the object afterwards.
 */
export class S3Staged implements StagedBytes {
  readonly maxBytes = STAGED_BYTES;

  constructor(private readonly options: StagedOptions) {}

  writeDirectly(name: StagedName): Promise<DirectWrite> {
    return this.options.bucket.presignWrite(this.keyOf(name), name, PRESIGNED_MS);
  }

  async look(name: StagedName, signal: AbortSignal): Promise<StagedState> {
    return stateOf(name, await this.head(name, signal));
  }

  read(name: StagedName, signal: AbortSignal): Promise<Readable | null> {
    return this.options.bucket.get(this.keyOf(name), this.options.untilClosed(signal));
  }

  readDirectly(name: StagedName): Promise<DirectRead> {
    return this.options.bucket.presign(this.keyOf(name), PRESIGNED_MS);
  }

  async publish(
    area: CacheArea,
    entry: CacheEntry,
    from: StagedName,
    signal: AbortSignal,
  ): Promise<'stored' | 'exists'> {
    const object = await this.head(from, signal);
    const state = stateOf(from, object);
    if (state === 'absent') throw refused('DTE_ARTIFACT_MISSING', from, 'gone');
    if (state !== 'whole') throw refused('DTE_ARTIFACT_DAMAGED', from, 'not the ones that were stored');
    const source = { from: this.keyOf(from), etag: object?.etag ?? null };
    const send: Send = ({ key, ...object }) => copy(this.options.bucket, { ...source, to: key, ...object });
    return this.options.store(area, entry, send, signal);
  }

  remove(name: StagedName, signal: AbortSignal): Promise<void> {
    return this.options.bucket.delete(this.keyOf(name), signal);
  }

  async clear(place: string, signal: AbortSignal): Promise<void> {
    const { bucket, prefix } = this.options;
    for await (const page of bucket.pages(stagedKey(prefix, place), null, signal))
      await inParallel(page, PARALLEL_REQUESTS, ({ key }) => bucket.delete(key, signal));
  }

  private head(name: StagedName, signal: AbortSignal): Promise<FoundObject | null> {
    const { bucket, untilClosed } = this.options;
    return bucket.head(this.keyOf(name), untilClosed(signal), { withChecksum: true });
  }

  private keyOf({ place, sha256 }: StagedName): string {
    return `${stagedKey(this.options.prefix, place)}${sha256}`;
  }
}

function stateOf({ bytes, sha256 }: StagedName, object: FoundObject | null): StagedState {
  if (object === null) return 'absent';
  if (object.bytes !== bytes) return 'other';
  if (object.sha256 === null) return 'unproven';
  return object.sha256 === sha256 ? 'whole' : 'other';
}

const refused = (code: 'DTE_ARTIFACT_MISSING' | 'DTE_ARTIFACT_DAMAGED', { bytes }: StagedName, how: string) =>
  new DteError(code, `The ${bytes} bytes that its agent has put into the bucket are ${how}.`);
