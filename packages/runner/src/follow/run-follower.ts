import type { RunLogEntry, RunSummary, RunUpdate } from '@org/dte-protocol';

/** The content of an update. */
export interface News {
  /** New entries, in order. */
  readonly entries: readonly RunLogEntry[];
  /** True: entries are missing before this update; ask again from `ackSeq`. */
  readonly gap: boolean;
  /** True when the run is over and every entry of its log was received. */
  readonly over: boolean;
}

const EMPTY: RunSummary = { total: 0, done: 0, running: 0, agents: 0, slots: 0, oldestRunning: null };

/** Follows the log of one run: each entry is processed once and in order, even if updates are lost or duplicated. */
export class RunFollower {
  private seen = 0;
  private ended = 0;
  private latest: RunSummary = EMPTY;

  /** @param expected tasks that will have an ended entry: all that were not done when the run was submitted */
  constructor(private readonly expected: number) {}

  /** seq of the last received entry. */
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
    // A frame is limited: the state alone does not show that the log was received completely.
    const drained = update.state !== 'running' && update.entries.length === 0;
    return { entries, gap: false, over: this.ended >= this.expected || drained };
  }
}
