/** One input of a session and the time at which it was accepted. */
export interface JournalEntry {
  readonly atMs: number;
  /** The input in its stored form; see session/journaled-input.ts. */
  readonly input: { readonly type: string };
}

/** Values that never change during a session; a replay with other values would give another state. */
export interface JournalHeader {
  readonly version: 1;
  readonly sessionId: string;
  readonly config: Readonly<Record<string, number>>;
}

/** What all entries so far have led to, as bytes; `format` identifies how they are to be read (session/snapshot.ts). */
export interface Snapshot {
  readonly format: number;
  readonly bytes: Buffer;
}

/**
 * Port: the inputs of one session, in order. Entries survive a crash of the process after `append` has resolved (and a
 * crash of the machine, if the adapter says so). If it rejects, nothing was appended.
 */
export interface Journal {
  readonly header: JournalHeader;
  /** Bytes that a restart reads: those of the snapshot, and those appended since. */
  readonly size: { readonly snapshot: number; readonly tail: number };
  /** The newest snapshot; null: there is none. @throws DteError DTE_JOURNAL_CORRUPT */
  snapshot(): Promise<Snapshot | null>;
  /** Everything appended since the snapshot, oldest first. Call it before the first `append`. */
  replay(): AsyncIterable<JournalEntry>;
  /** Appends all of `entries` or none, after everything appended before. One call of `append` or `compact` at a time. */
  append(entries: readonly JournalEntry[]): Promise<void>;
  /**
   * Replaces everything appended so far with a snapshot. A crash at any point leaves the entries or the snapshot, and both
   * lead to the same state; after a rejection the journal is as it was.
   */
  compact(snapshot: Snapshot): Promise<void>;
  /** Resolves when the last `compact` survives what an `append` survives; the entries that it replaced never come back then. */
  secure(): Promise<void>;
  close(): Promise<void>;
}

/** Port: the journals of a coordinator. */
export interface JournalStore {
  /** Opens a session's journal, or creates it with `header`; an existing journal keeps its header. */
  open(header: JournalHeader): Promise<Journal>;
}
