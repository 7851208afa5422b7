import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { DteError } from '@org/dte-protocol';
import { type ArtifactKey, describeKey, type PutOptions, type Receipt, SMALL_BYTES } from './artifact-store';

export const alreadyStored = (key: ArtifactKey): DteError =>
  new DteError('DTE_ARTIFACT_EXISTS', `An artifact for ${describeKey(key)} already exists; it is kept.`);

const tooLarge = (key: ArtifactKey, options: PutOptions): DteError =>
  new DteError(
    'DTE_ARTIFACT_TOO_LARGE',
    `The artifact for ${describeKey(key)} is larger than the limit of ${options.maxBytes} bytes.`,
  );

/** Rejects an upload by its announced size, before a byte is read. */
export function checkAnnounced(key: ArtifactKey, options: PutOptions): void {
  if (options.expectedBytes !== null && options.expectedBytes > options.maxBytes)
    throw tooLarge(key, options);
}

/** Counts and hashes the bytes as they arrive. */
export class ReceiptMaker {
  private readonly hash = createHash('sha256');
  private bytes = 0;

  add(chunks: readonly Buffer[]): void {
    for (const chunk of chunks) {
      this.hash.update(chunk);
      this.bytes += chunk.length;
    }
  }

  /** @throws DteError DTE_ARTIFACT_DAMAGED if the bytes are not what the sender intended to send */
  finish(key: ArtifactKey, { expectedSha256 }: PutOptions): Receipt {
    const sha256 = this.hash.digest('hex');
    if (typeof expectedSha256 !== 'string' || expectedSha256 === sha256) return { bytes: this.bytes, sha256 };
    throw new DteError(
      'DTE_ARTIFACT_DAMAGED',
      `The upload for ${describeKey(key)} was damaged in transit: its sha256 is ${sha256}, not ${expectedSha256}.`,
    );
  }
}

/**
 * The bytes of an upload in pieces of `SMALL_BYTES` or more (the last may be smaller), checked against the limit and
 * the announced size. If the consumer stops early, the body is not destroyed, because the answer must still reach the
 * sender.
 */
export async function* uploadPieces(
  key: ArtifactKey,
  body: Readable,
  options: PutOptions,
): AsyncGenerator<{ readonly chunks: Buffer[]; readonly last: boolean }, void, undefined> {
  let total = 0;
  let pendingBytes = 0;
  let pending: Buffer[] = [];
  for await (const chunk of chunksOf(key, body)) {
    total += chunk.length;
    if (total > options.maxBytes) throw tooLarge(key, options);
    pending.push(chunk);
    pendingBytes += chunk.length;
    if (pendingBytes > SMALL_BYTES) {
      yield { chunks: pending, last: false };
      pending = [];
      pendingBytes = 0;
    }
  }
  if (options.expectedBytes !== null && total !== options.expectedBytes) {
    throw incomplete(key, `${total} of ${options.expectedBytes} bytes arrived`);
  }
  yield { chunks: pending, last: true };
}

const incomplete = (key: ArtifactKey, how: string, cause?: unknown): DteError =>
  new DteError('DTE_ARTIFACT_INCOMPLETE', `The upload for ${describeKey(key)} was interrupted: ${how}.`, {
    cause,
  });

async function* chunksOf(key: ArtifactKey, body: Readable): AsyncGenerator<Buffer, void, undefined> {
  try {
    for await (const chunk of body.iterator({ destroyOnReturn: false })) {
      yield Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    }
  } catch (cause) {
    throw incomplete(key, 'the connection ended', cause);
  }
}
