import type { RunLogEntry, RunSummary, RunUpdate } from '@org/dte-protocol';

/** What an update brings. */
export interface News {
  /** Entries not seen before, in order. */
  readonly entries: readonly RunLogEntry[];
  /** True: entries are missing before this update; ask again from `ackSeq`. */
  readonly gap: boolean;
  /** True once the run is over and every entry of its log has been seen. */
  readonly over: boolean;
}

const EMPTY: RunSummary = { total: 0, done: 0, running: 0, agents: 0, slots: 0, oldestRunning: null };

/** Follows the log of one run: each entry is seen once and in order, however updates are lost or doubled. */
export class RunFollower {
  private seen = 0;
  private ended = 0;
  private latest: RunSummary = EMPTY;

  /** @param expected tasks that will have an ended entry: all that were not done when the run was submitted */
  constructor(private readonly expected: number) {}

  /** seq of the last entry seen. */
  get ackSeq(): number {
    return this.seen;
  }

  get summary(): RunSummary {
    return this.latest;
  }

  take(update: RunUpdate): News {
    this.latest = update.summary;
    if (update.fromSeq > this.seen) return { entries: [], gap: true, over: false };
    const entries = update.entries.filter(({ seq }) => seq > this.seen);
    this.seen = entries.at(-1)?.seq ?? this.seen;
    this.ended += entries.filter(({ type }) => type === 'ended').length;
    // A frame holds so many entries and no more: the state alone does not say that the log has been seen to its end.
    const drained = update.state !== 'running' && update.entries.length === 0;
    return { entries, gap: false, over: this.ended >= this.expected || drained };
  }
}
