import { isHighSurrogate } from '@org/dte-client';
import { type AttemptRef } from './ipc';
import { type Channel, MAX_CHUNK } from './channel';

export interface LiveOutputOptions {
  readonly channel: Channel;
  readonly ref: AttemptRef;
  /** Characters on their way to the supervisor; above this, output is dropped, which shows as a gap in the offsets. */
  readonly maxInFlight: number;
  /** The main job prints it as it arrives. */
  readonly isFollowed: boolean;
}

/** How long output is collected, so that a task that prints byte by byte does not cost a message per byte. Not configurable: the delay is not noticeable. */
const FLUSH_MS = 40;

/** The live output of one attempt, in bounded chunks with offsets. */
export class LiveOutput {
  private pending = '';
  private offset = 0;
  private inFlight = 0;
  private ending = false;
  private timer: NodeJS.Timeout | null = null;

  constructor(private readonly options: LiveOutputOptions) {}

  push(data: string): void {
    this.pending += data;
    if (this.pending.length >= MAX_CHUNK) this.flush(false);
    else if (this.pending !== '') this.timer ??= setTimeout(() => this.flush(true), FLUSH_MS);
  }

  /** Sends the rest, and if the main job is listening, that it was the last. */
  end(): void {
    this.ending = this.options.isFollowed;
    this.flush(true);
  }

  private flush(all: boolean): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    let from = 0;
    while (this.pending.length - from >= (all ? 1 : MAX_CHUNK)) {
      let to = Math.min(from + MAX_CHUNK, this.pending.length);
      if (to - from > 1 && to < this.pending.length && isHighSurrogate(this.pending.charCodeAt(to - 1))) to--;
      this.send(this.pending.slice(from, to), to === this.pending.length);
      from = to;
    }
    this.pending = this.pending.slice(from);
    // Everything was sent before it was known to be the last.
    if (this.ending && from === 0 && this.offset > 0) this.send('', true);
    if (this.pending !== '') this.timer = setTimeout(() => this.flush(true), FLUSH_MS);
  }

  private send(data: string, isAll: boolean): void {
    const offset = this.offset;
    this.offset += data.length;
    const { channel, ref, maxInFlight } = this.options;
    if (this.inFlight + data.length > maxInFlight) return;
    this.inFlight += data.length;
    const last = isAll && this.ending ? (true as const) : undefined;
    channel.sendSoon({ type: 'output', ref, offset, data, last }, () => (this.inFlight -= data.length));
  }
}
