/** One input of a session and the time it was taken in. */
export interface JournalEntry {
  readonly atMs: number;
  /** The input as it is written down; see session/journaled-input.ts. */
  readonly input: { readonly type: string };
}

/** What stays the same for the life of a session; replay under other values would give another state. */
export interface JournalHeader {
  readonly version: 1;
  readonly sessionId: string;
  readonly config: Readonly<Record<string, number>>;
}

/**
 * Port: the inputs of one session, in order. What `append` has resolved for survives a crash of the process (and, with
 * an adapter that says so, of the machine); what it has rejected for was not appended at all.
 */
export interface Journal {
  readonly header: JournalHeader;
  /** Everything appended so far, oldest first. Call it before the first `append`. */
  replay(): AsyncIterable<JournalEntry>;
  /** All of `entries` or none, after everything appended before. One call at a time. */
  append(entries: readonly JournalEntry[]): Promise<void>;
  close(): Promise<void>;
}

/** Port: the journals of a coordinator. */
export interface JournalStore {
  /** Opens a session's journal, or begins it with `header`; one that exists keeps the header it was begun with. */
  open(header: JournalHeader): Promise<Journal>;
}
