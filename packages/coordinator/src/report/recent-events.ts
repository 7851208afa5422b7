interface Recent {
  readonly seq: number;
  /** As JSON, without whitespace around it. */
  readonly json: string;
}

/** The latest events of a session, for readers that already know the earlier ones. Numbers only grow; there may be gaps. */
export class RecentEvents {
  private events: Recent[] = [];
  /** Place of the oldest in `events`: to take the first out of a long array moves all others. */
  private oldest = 0;
  private bytes = 0;
  /** Readers that know everything up to here miss nothing. */
  private from: number;
  private last: number;

  /**
   * @param lastSeq number of the latest event
   * @param maxBytes see the limit `reportRecentBytes`
   */
  constructor(
    lastSeq: number,
    private readonly maxBytes: number,
  ) {
    this.from = lastSeq;
    this.last = lastSeq;
  }

  get lastSeq(): number {
    return this.last;
  }

  add(json: string): void {
    this.last += 1;
    this.events.push({ seq: this.last, json });
    this.bytes += json.length;
    while (this.bytes > this.maxBytes) this.dropOldest();
  }

  /**
   * What follows `after`, as a JSON array of at most about `maxBytes`, and the number of its last event. `missed`: some of it is
   * not kept any more, or `after` is not a number of this list; null: nothing follows yet.
   */
  after(after: number, maxBytes: number): { readonly seq: number; readonly json: string } | 'missed' | null {
    if (after < this.from || after > this.last) return 'missed';
    if (after === this.last) return null;
    const parts: string[] = [];
    let bytes = 0;
    let seq = after;
    for (let at = this.place(after); at < this.events.length && bytes < maxBytes; at++) {
      const event = this.events[at];
      if (event === undefined) break;
      parts.push(event.json);
      bytes += event.json.length;
      seq = event.seq;
    }
    return { seq, json: `[${parts.join(',')}]` };
  }

  /** Numbers follow one another. */
  private place(after: number): number {
    const first = this.events[this.oldest]?.seq ?? this.last + 1;
    return this.oldest + Math.max(0, after + 1 - first);
  }

  private dropOldest(): void {
    const dropped = this.events[this.oldest];
    if (dropped === undefined) return;
    this.bytes -= dropped.json.length;
    this.from = dropped.seq;
    this.oldest += 1;
    // Cutting off half of the array at a time moves each event once on average; until then, the text is not kept.
    this.events[this.oldest - 1] = GONE;
    if (this.oldest * 2 < this.events.length) return;
    this.events = this.events.slice(this.oldest);
    this.oldest = 0;
  }
}

const GONE: Recent = { seq: 0, json: '' };
