import { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { DteError } from '@org/dte-protocol';
import { type ArtifactKey, describeKey, type PutOptions, type Receipt, SMALL_BYTES } from './artifact-store';
import { type Digest, HereDigest } from './digest';

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
  private bytes = 0;
  private digest: Digest | null = null;

  /** @param beginDigest of an upload of which not everything is there at once */
  constructor(private readonly beginDigest: () => Digest = () => new HereDigest()) {}

  /** @returns a promise if the next bytes have to wait */
  add(chunks: readonly Buffer[], isLast: boolean): Promise<void> | undefined {
    for (const chunk of chunks) this.bytes += chunk.length;
    this.digest ??= isLast ? new HereDigest() : this.beginDigest();
    return this.digest.add(chunks, isLast);
  }

  /**
   * @param readAgain computes it from what is stored; null: that cannot be read
   * @throws DteError DTE_ARTIFACT_DAMAGED if the bytes are not what the sender intended to send
   */
  async finish(
    key: ArtifactKey,
    options: PutOptions,
    readAgain: () => Promise<string | null>,
  ): Promise<Receipt> {
    const sha256 = (await this.digest?.finish()) ?? (await readAgain());
    if (sha256 === null)
      throw new DteError('DTE_INTERNAL', `The upload for ${describeKey(key)} could not be verified.`);
    const { expectedSha256 } = options;
    if (typeof expectedSha256 !== 'string' || expectedSha256 === sha256) return { bytes: this.bytes, sha256 };
    throw new DteError(
      'DTE_ARTIFACT_DAMAGED',
      `The upload for ${describeKey(key)} was damaged in transit: its sha256 is ${sha256}, not ${expectedSha256}.`,
    );
  }

  /** What was added is not needed any more. */
  abandon(): void {
    this.digest?.abandon();
  }
}

/**
 * All of a small upload that has arrived together with its headers, which is usual; null: it has to be waited for, or is none that
 * would be accepted. Without listeners, turns and pieces: for 1 kB, these cost more than storing it.
 */
export function arrivedBody(body: Readable, { expectedBytes, maxBytes }: PutOptions): Buffer | null {
  // Only the parser of HTTP lets nothing follow what was announced.
  if (!(body instanceof IncomingMessage) || body.headers['transfer-encoding'] !== undefined) return null;
  const { readableLength: bytes } = body;
  // Somebody who reads already has a part of it.
  if (bytes === 0 || bytes !== expectedBytes || body.readableFlowing !== null || body.destroyed) return null;
  if (bytes > Math.min(SMALL_BYTES, maxBytes)) return null;
  const content: unknown = body.read();
  // To its end, of which the parser has yet to tell.
  body.resume();
  return Buffer.isBuffer(content) ? content : null;
}

/**
 * How much of an upload is read ahead of its consumer, in bytes; the last 64 kB may come on top. A buffer size: see `UPLOAD_BYTES`.
 */
const AHEAD_BYTES = 512 * 1024;

/**
 * The bytes of an upload in pieces of more than `SMALL_BYTES` (the last may be smaller), checked against the limit and
 * the announced size. Further bytes arrive while the consumer works on a piece. If it stops early, the body is not
 * destroyed, because the answer must still reach the sender.
 */
export async function* uploadPieces(
  key: ArtifactKey,
  body: Readable,
  options: PutOptions,
): AsyncGenerator<{ readonly chunks: Buffer[]; readonly last: boolean }, void, undefined> {
  const arrivals = new Arrivals(key, body, options);
  let total = 0;
  try {
    for (let last = false; !last;) {
      await arrivals.wait();
      const taken = arrivals.take();
      last = taken.last;
      total += taken.bytes;
      if (last && options.expectedBytes !== null && total !== options.expectedBytes)
        throw incomplete(key, `${total} of ${options.expectedBytes} bytes arrived`);
      yield { chunks: taken.chunks, last };
    }
  } finally {
    arrivals.stop();
  }
}

const incomplete = (key: ArtifactKey, how: string, cause?: unknown): DteError =>
  new DteError('DTE_ARTIFACT_INCOMPLETE', `The upload for ${describeKey(key)} was interrupted: ${how}.`, {
    cause,
  });

/** What has arrived of a body. Listeners instead of an iterator: that takes several turns for each 64 kB. */
class Arrivals {
  private chunks: Buffer[] = [];
  private bytes = 0;
  private hasEnded = false;
  private failure: DteError | null = null;
  private leftBytes: number;
  private wake: () => void = () => undefined;

  constructor(
    private readonly key: ArtifactKey,
    private readonly body: Readable,
    private readonly options: PutOptions,
  ) {
    this.leftBytes = options.maxBytes;
    if (body.destroyed) this.onError(body.errored);
    body.on('data', this.onData).on('end', this.onEnd).on('error', this.onError).on('close', this.onClose);
  }

  /** Resolves when there is a piece, when there is too much, or when nothing more comes. */
  wait(): Promise<void> | undefined {
    return this.isReady() ? undefined : new Promise((resolve) => (this.wake = resolve));
  }

  /** @throws DteError DTE_ARTIFACT_INCOMPLETE, DTE_ARTIFACT_TOO_LARGE */
  take(): { readonly chunks: Buffer[]; readonly bytes: number; readonly last: boolean } {
    if (this.failure !== null) throw this.failure;
    if (this.bytes > this.leftBytes) throw tooLarge(this.key, this.options);
    this.leftBytes -= this.bytes;
    const taken = { chunks: this.chunks, bytes: this.bytes, last: this.hasEnded };
    [this.chunks, this.bytes] = [[], 0];
    if (!this.hasEnded && this.body.isPaused()) this.body.resume();
    return taken;
  }

  stop(): void {
    this.body.off('data', this.onData).off('end', this.onEnd).off('error', this.onError);
    this.body.off('close', this.onClose);
    if (!this.hasEnded) this.body.pause();
  }

  private readonly isReady = (): boolean =>
    this.hasEnded || this.failure !== null || this.bytes > Math.min(SMALL_BYTES, this.leftBytes);

  private readonly onData = (chunk: unknown): void => {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    this.chunks.push(bytes);
    this.bytes += bytes.length;
    if (this.bytes >= AHEAD_BYTES || this.bytes > this.leftBytes) this.body.pause();
    if (this.isReady()) this.wake();
  };

  private readonly onEnd = (): void => {
    this.hasEnded = true;
    this.wake();
  };

  private readonly onError = (cause: unknown): void => {
    this.failure ??= incomplete(this.key, 'the connection ended', cause ?? undefined);
    this.wake();
  };

  private readonly onClose = (): void => {
    if (!this.hasEnded) this.onError(this.body.errored);
  };
}
