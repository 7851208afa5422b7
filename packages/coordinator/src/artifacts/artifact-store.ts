import type { Readable } from 'node:stream';

/** Identifies an artifact. Entries of different sessions are separate: another pipeline cannot read what a merge request stores. */
export type ArtifactKey =
  | { readonly kind: 'cache' | 'terminal'; readonly sessionId: string; readonly hash: string }
  | {
      readonly kind: 'attempt';
      readonly sessionId: string;
      readonly runId: string;
      readonly taskId: string;
      readonly attempt: number;
    };

export interface PutOptions {
  /** The size that the sender announced (Content-Length); null if none. */
  readonly expectedBytes: number | null;
  readonly maxBytes: number;
  /** The digest of what the sender intends to send, in hex; null if not announced. */
  readonly expectedSha256?: string | null | undefined;
}

/** The digest and size of a complete artifact. */
export interface Receipt {
  readonly bytes: number;
  /** In hex, computed from the received bytes. */
  readonly sha256: string;
}

/** An artifact to read. The caller must read or destroy `body`. */
export interface StoredArtifact {
  readonly bytes: number;
  /** Digest of the stored bytes, in hex. The bytes read may differ if the disk is faulty; the reader detects this. */
  readonly sha256: string;
  readonly body: Readable | Buffer;
}

/** The part of a store that says what there is. */
export interface ArtifactLookup {
  /** True as soon as the artifact can be read. */
  has(key: ArtifactKey): Promise<boolean>;
}

/**
 * Port: immutable artifacts by key. The first complete artifact under a key is kept; readers never see a partial one.
 * Adapters hold at most `UPLOAD_BYTES` of an artifact in memory while it arrives, and two pieces of `SMALL_BYTES` while it is sent.
 */
export interface ArtifactStore extends ArtifactLookup {
  /** Its size in bytes; null if there is no such artifact. */
  bytesOf(key: ArtifactKey): Promise<number | null>;
  /**
   * Reads `body` to its end and stores it. After an error, `body` may be partly read (the caller drains or destroys it)
   * and nothing is stored.
   * @throws DteError DTE_ARTIFACT_EXISTS, DTE_ARTIFACT_TOO_LARGE, DTE_ARTIFACT_INCOMPLETE (cut off, or not
   * `expectedBytes` long), DTE_ARTIFACT_DAMAGED (not `expectedSha256`), DTE_DISK_FULL
   */
  put(key: ArtifactKey, body: Readable, options: PutOptions): Promise<Receipt>;
  /** Null if there is no such artifact. */
  get(key: ArtifactKey): Promise<StoredArtifact | null>;
  /** What `get` would return, if that takes no turn of the event loop; null: `get` says. May be missing. */
  getNow?(key: ArtifactKey): StoredArtifact | null;
  /**
   * Reads an artifact again and removes it if it differs from what was stored, so that its key is free again.
   * Concurrent checks of one key share one read.
   */
  check(key: ArtifactKey): Promise<'good' | 'removed' | 'absent'>;
  /** Deletes everything of a session. */
  deleteSession(sessionId: string): Promise<void>;
  /** Releases the memory that is used for a session; the data is read again when needed. */
  unloadSession(sessionId: string): void;
}

/** Artifacts up to this size are read and written in one piece, which saves system calls. A buffer size: artifacts may be larger. */
export const SMALL_BYTES = 256 * 1024;

/**
 * The most of one upload that is in memory: a piece that is written, the next one, and what arrives meanwhile, each of half a megabyte
 * and what one read of the socket adds. Copies that are with the thread that hashes come on top: see `PIECE_BYTES`. A buffer size: artifacts may be larger.
 */
export const UPLOAD_BYTES = 3 * (512 + 64) * 1024;

/** How messages name an artifact. */
export function describeKey(key: ArtifactKey): string {
  switch (key.kind) {
    case 'cache':
      return `hash ${key.hash}`;
    case 'terminal':
      return `the terminal output of hash ${key.hash}`;
    case 'attempt':
      return `attempt ${key.attempt} of task ${key.taskId} in run ${key.runId}`;
  }
}
