import type { Bucket } from './bucket';
import { conditionalOutcome } from './bucket-error';
import type { UploadResult } from './upload';

export interface CopyRequest {
  readonly from: string;
  /** Of the source, as it was looked at: other bytes are not copied. Null if the server has none. */
  readonly etag: string | null;
  readonly to: string;
  /** Metadata of the copy. */
  readonly text: string;
  /** Only if nothing has the key. */
  readonly isConditional: boolean;
  readonly signal: AbortSignal;
}

/** Copies an object inside the server. */
export async function copy(
  bucket: Bucket,
  { from, etag, to, text, isConditional, signal }: CopyRequest,
): Promise<UploadResult> {
  const { CopyObjectCommand } = bucket.sdk().s3;
  const command = new CopyObjectCommand({
    ...bucket.target(to, text),
    CopySource: encodeURI(`${bucket.name}/${from}`),
    MetadataDirective: 'REPLACE',
    ...(etag === null ? {} : { CopySourceIfMatch: etag }),
    ...(isConditional ? { IfNoneMatch: '*' } : {}),
  });
  try {
    await bucket.client().send(command, { abortSignal: signal });
    return 'stored';
  } catch (thrown) {
    signal.throwIfAborted();
    // `exists` also if the source has changed: the caller looks again, and then finds nothing.
    const outcome = isConditional ? conditionalOutcome(thrown) : null;
    if (outcome !== null) return outcome;
    throw bucket.error('copying within', thrown);
  }
}
