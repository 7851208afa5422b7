import type { Readable } from 'node:stream';
import type { CacheArea, CacheEntry, DirectRead } from './entry';

/**
 * Bytes that the jobs of one session put into the store themselves. They are named by their content, and are nobody's result: only
 * `publish` makes an entry of them.
 */
export interface StagedName {
  /** Of one session, and of no other that ever was or will be; safe in paths and addresses. */
  readonly place: string;
  readonly bytes: number;
  /** In hex. */
  readonly sha256: string;
}

/** Where bytes can be written without this process: a presigned URL, and the headers that are signed with it. */
export interface DirectWrite {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly expiresAtMs: number;
}

/**
 * What a store says of staged bytes.
 * - whole: it has them, and has computed their sha256 itself
 * - other: it has bytes of another size or digest
 * - unproven: it has bytes of this size, and does not say which: it knows no checksums
 */
export type StagedState = 'whole' | 'absent' | 'other' | 'unproven';

/** Port: the part of a shared cache into which jobs write themselves. Like `SharedCache`, an adapter may be slow, away or wrong, and throws. */
export interface StagedBytes {
  /** What the store takes in one piece. */
  readonly maxBytes: number;
  /** An address that takes exactly these bytes, for a while. Asks nobody. */
  writeDirectly(name: StagedName): Promise<DirectWrite>;
  look(name: StagedName, signal: AbortSignal): Promise<StagedState>;
  /** Null if they are gone. The caller reads or destroys the stream and compares the digest. */
  read(name: StagedName, signal: AbortSignal): Promise<Readable | null>;
  /** Asks nobody. */
  readDirectly(name: StagedName): Promise<DirectRead>;
  /**
   * Makes an entry of staged bytes, inside the store.
   * @returns `exists`: another one has the name, and is kept
   * @throws DteError DTE_ARTIFACT_MISSING, DTE_ARTIFACT_DAMAGED: the bytes are gone or others by now
   */
  publish(
    area: CacheArea,
    entry: CacheEntry,
    from: StagedName,
    signal: AbortSignal,
  ): Promise<'stored' | 'exists'>;
  remove(name: StagedName, signal: AbortSignal): Promise<void>;
  /** Removes all that is in a place. */
  clear(place: string, signal: AbortSignal): Promise<void>;
}
