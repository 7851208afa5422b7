import { createHash } from 'node:crypto';
import { addAbortSignal, pipeline, type Readable, Transform } from 'node:stream';
import type { CacheEntry } from '../port/shared-cache';
import type { Bucket } from './bucket';
import { conditionalOutcome } from './bucket-error';
import { PARALLEL_PARTS, PART_BYTES } from './limits';

/** Passes bytes on as long as they can be the entry's, and fails at their end if they are not: then nothing is stored. */
function verifier({ bytes, sha256 }: CacheEntry): Transform {
  const digest = createHash('sha256');
  let length = 0;
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      length += chunk.length;
      digest.update(chunk);
      if (length > bytes) done(new Error(`more than ${bytes} bytes were to be stored`));
      else done(null, chunk);
    },
    flush: (done) => {
      if (length < bytes) done(new Error(`${length} bytes were to be stored instead of ${bytes}`));
      else if (digest.digest('hex') === sha256) done();
      else done(new Error(`the ${bytes} bytes to be stored have another digest`));
    },
  });
}

/** What a conditional upload came to. `unsupported`: this server knows no conditions. */
export type UploadResult = 'stored' | 'exists' | 'unsupported';

export interface UploadRequest {
  readonly key: string;
  readonly entry: CacheEntry;
  /** Metadata of the object. */
  readonly text: string;
  readonly open: () => Readable;
  /** Only if nothing has the key. */
  readonly isConditional: boolean;
  /** When it is aborted, so is the upload, and the parts that a server has are removed before this fails. */
  readonly signal: AbortSignal;
}

/** Stores bytes as they come, in parts if they are many. Never more than `PARALLEL_PARTS` + 1 parts are in memory. */
export async function upload(bucket: Bucket, request: UploadRequest): Promise<UploadResult> {
  const { key, entry, text, open, isConditional, signal } = request;
  const { Upload } = bucket.sdk().storage;
  // Whatever ends one of them ends the other. The errors are those of the body, and whoever reads it gets them.
  const body = pipeline(open(), verifier(entry), () => undefined);
  addAbortSignal(signal, body);
  try {
    // Not its `abort`: that returns at once and leaves the parts behind. An error of the body ends the upload in order.
    await new Upload({
      client: bucket.client(),
      params: { ...bucket.target(key, text), Body: body, ...(isConditional ? { IfNoneMatch: '*' } : {}) },
      partSize: PART_BYTES,
      queueSize: PARALLEL_PARTS,
    }).done();
    return 'stored';
  } catch (thrown) {
    signal.throwIfAborted();
    const outcome = isConditional ? conditionalOutcome(thrown) : null;
    if (outcome !== null) return outcome;
    throw bucket.error('writing to', thrown);
  } finally {
    body.destroy();
  }
}
