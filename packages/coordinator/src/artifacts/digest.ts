import { createHash } from 'node:crypto';

/** A sha256 that is computed as the bytes come. */
export interface Digest {
  /**
   * @param isLast nothing follows
   * @returns a promise if the next bytes have to wait; the bytes may be used, but not changed, when this call returns
   */
  add(chunks: readonly Buffer[], isLast: boolean): Promise<void> | undefined;
  /** In hex; null: it could not be computed, and has to be from the bytes where they are now. Call after the last bytes. */
  finish(): string | Promise<string | null>;
  /** Nobody needs it any more; any number of times. */
  abandon(): void;
}

/** Computed by whoever adds. */
export class HereDigest implements Digest {
  private readonly hash = createHash('sha256');

  add(chunks: readonly Buffer[]): undefined {
    for (const chunk of chunks) this.hash.update(chunk);
  }

  finish(): string {
    return this.hash.digest('hex');
  }

  abandon(): void {
    // Nothing is kept elsewhere.
  }
}
