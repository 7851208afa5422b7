import type { Readable } from 'node:stream';

/**
 * Where an artifact belongs. Entries of different sessions never meet: what a merge request stores is not read by
 * another pipeline.
 */
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
  /** What the sender announced (Content-Length); null when it did not. */
  readonly expectedBytes: number | null;
  readonly maxBytes: number;
  /** What the sender means to send, in hex; null when it did not say. */
  readonly expectedSha256?: string | null | undefined;
}

/** What an artifact is known by once it is whole. */
export interface Receipt {
  readonly bytes: number;
  /** In hex, made of the bytes as they came. */
  readonly sha256: string;
}

/** An artifact being read. Whoever asked for it reads or destroys `body`. */
export interface StoredArtifact {
  readonly bytes: number;
  /** Of what was stored, in hex. What is read may be something else: a disk may lie, and the reader finds out. */
  readonly sha256: string;
  readonly body: Readable | Buffer;
}

/**
 * Port: immutable artifacts by key. The first complete one under a key stays; nobody ever sees a part of one.
 * Adapters hold at most `SMALL_BYTES` of one artifact in memory.
 */
export interface ArtifactStore {
  /** True once the artifact can be read. */
  has(key: ArtifactKey): Promise<boolean>;
  /** Its size in bytes; null when there is none. */
  bytesOf(key: ArtifactKey): Promise<number | null>;
  /**
   * Reads `body` to its end and keeps it. On an error `body` may be left half read (it is the caller's to drain or
   * destroy) and nothing is kept.
   * @throws DteError DTE_ARTIFACT_EXISTS, DTE_ARTIFACT_TOO_LARGE, DTE_ARTIFACT_INCOMPLETE (cut off, or not
   *   `expectedBytes` long), DTE_ARTIFACT_DAMAGED (not `expectedSha256`), DTE_DISK_FULL
   */
  put(key: ArtifactKey, body: Readable, options: PutOptions): Promise<Receipt>;
  /** Null when there is none. */
  get(key: ArtifactKey): Promise<StoredArtifact | null>;
  /**
   * Reads an artifact again and removes it when it is not what was stored: a key with a damaged artifact is free again.
   * Several at a time about one key are one reading.
   */
  check(key: ArtifactKey): Promise<'good' | 'removed' | 'absent'>;
  /** Forgets everything of a session. */
  deleteSession(sessionId: string): Promise<void>;
  /** Gives up what is held in memory for a session; it is read again when needed. */
  unloadSession(sessionId: string): void;
}

/** Up to this size an artifact is read and written in one piece: fewer system calls for the many small ones. A buffer: artifacts may be larger. */
export const SMALL_BYTES = 256 * 1024;

/** An artifact as people know it. */
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
