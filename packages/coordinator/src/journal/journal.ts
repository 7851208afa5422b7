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

/**
 * Port: the inputs of one session, in order. Entries survive a crash of the process after `append` has resolved (and a
 * crash of the machine, if the adapter says so). If it rejects, nothing was appended.
 */
export interface Journal {
  readonly header: JournalHeader;
  /** Everything appended so far, oldest first. Call it before the first `append`. */
  replay(): AsyncIterable<JournalEntry>;
  /** Appends all of `entries` or none, after everything appended before. One call at a time. */
  append(entries: readonly JournalEntry[]): Promise<void>;
  close(): Promise<void>;
}

/** Port: the journals of a coordinator. */
export interface JournalStore {
  /** Opens a session's journal, or creates it with `header`; an existing journal keeps its header. */
  open(header: JournalHeader): Promise<Journal>;
}
