import type { Journal, JournalEntry, JournalHeader, JournalStore, Snapshot } from './journal';
import { entryLines } from './journal-lines';

interface Kept {
  readonly header: JournalHeader;
  snapshot: Snapshot | null;
  entries: JournalEntry[];
}

/** Keeps journals in memory; for specs. */
export class MemoryJournalStore implements JournalStore {
  private readonly kept = new Map<string, Kept>();

  open(header: JournalHeader): Promise<Journal> {
    const kept = this.kept.get(header.sessionId) ?? { header, snapshot: null, entries: [] };
    this.kept.set(header.sessionId, kept);
    return Promise.resolve(new MemoryJournal(kept));
  }
}

class MemoryJournal implements Journal {
  constructor(private readonly kept: Kept) {}

  get header(): JournalHeader {
    return this.kept.header;
  }

  get size(): Journal['size'] {
    const { snapshot, entries } = this.kept;
    return { snapshot: snapshot?.bytes.length ?? 0, tail: entryLines(entries).length };
  }

  snapshot(): Promise<Snapshot | null> {
    return Promise.resolve(this.kept.snapshot);
  }

  async *replay(): AsyncGenerator<JournalEntry, void, undefined> {
    yield* await Promise.resolve(this.kept.entries);
  }

  append(entries: readonly JournalEntry[]): Promise<void> {
    // A copy, as a file would make one: the state machine owns the input afterwards.
    this.kept.entries.push(...structuredClone(entries));
    return Promise.resolve();
  }

  compact({ format, bytes }: Snapshot): Promise<void> {
    this.kept.snapshot = { format, bytes: Buffer.from(bytes) };
    this.kept.entries = [];
    return Promise.resolve();
  }

  secure(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
