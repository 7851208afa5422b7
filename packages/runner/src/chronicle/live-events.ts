import type { HttpClient } from '@org/dte-client';
import { DteError, LIMITS } from '@org/dte-protocol';
import { isForwarded, type ReportEvent } from '@org/dte-report';
import { setTimeout as delay } from 'node:timers/promises';

/** Requests in a row that fail before nothing more is sent. No limit: the live report lacks something after the first. */
const MOST_FAILURES = 3;
/** Tasks in one event about a command: 10,000 have about 2 MB, half of what fits into a request. */
const PART_TASKS = 10_000;

/**
 * Sends to a standalone coordinator what only the main job knows, for people who look at the live report. In the background, in
 * batches, best effort: whatever fails here is missing there, and changes nothing else.
 */
export class LiveEvents {
  /** As JSON. */
  private waiting: string[] = [];
  private bytes = 0;
  private failures = 0;
  private sending: Promise<void> | null = null;
  private readonly stop = new AbortController();
  private readonly ending = new AbortController();

  constructor(
    private readonly http: Pick<HttpClient, 'sendReportEvents' | 'viewLink'>,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * Where people can look at this command; null if nobody can.
   * @param ownUrl address under which this job reaches the coordinator
   */
  link(ownUrl: () => string): Promise<string | null> {
    return this.http.viewLink(this.stop.signal).then(
      ({ path, baseUrl }) => `${baseUrl ?? ownUrl()}${path}`,
      () => null,
    );
  }

  write(event: ReportEvent): void {
    if (!isForwarded(event) || this.failures >= MOST_FAILURES) return;
    for (const part of partsOf(event)) this.add(JSON.stringify(part));
  }

  /** Waits a little until everything is sent; then nothing is sent any more. */
  async end(): Promise<void> {
    this.ending.abort();
    if (this.sending !== null) {
      const timer = new AbortController();
      const late = delay(LIMITS.forwardedEventsEndMs.value, undefined, { signal: timer.signal }).catch(
        () => undefined,
      );
      await Promise.race([this.sending, late]);
      timer.abort();
    }
    this.stop.abort();
    this.failures = MOST_FAILURES;
    this.waiting = [];
  }

  private add(json: string): void {
    const bytes = Buffer.byteLength(json) + 1;
    if (this.bytes + bytes > LIMITS.forwardedEventsWaitingBytes.value) return;
    this.bytes += bytes;
    this.waiting.push(json);
    this.sending ??= this.send().finally(() => (this.sending = null));
  }

  private async send(): Promise<void> {
    while (this.waiting.length > 0 && this.failures < MOST_FAILURES) {
      await this.collect();
      await this.sendBatch(this.take());
    }
  }

  /** More events follow soon; a command that has ended does not wait for them. */
  private collect(): Promise<void> {
    const { signal } = this.ending;
    const ms = LIMITS.forwardedEventsDelayMs.value;
    return delay(ms, undefined, { signal, ref: false }).catch(() => undefined);
  }

  private take(): string[] {
    // Room for what surrounds the list.
    let left = LIMITS.forwardedEventsBytes.value - 100;
    let count = 0;
    for (const json of this.waiting) {
      left -= Buffer.byteLength(json) + 1;
      if (left < 0) break;
      count += 1;
    }
    // One that is too large alone is left out.
    const batch = this.waiting.splice(0, Math.max(1, count));
    for (const json of batch) this.bytes -= Buffer.byteLength(json) + 1;
    return count === 0 ? [] : batch;
  }

  private async sendBatch(batch: readonly string[]): Promise<void> {
    if (batch.length === 0) return;
    try {
      const body = `{"sentAtMs":${this.now()},"events":[${batch.join(',')}]}`;
      await this.http.sendReportEvents(body, this.stop.signal);
      this.failures = 0;
    } catch (thrown) {
      // A coordinator of an earlier version has nothing that takes them.
      const isLasting = DteError.from(thrown).severity === 'fatal';
      this.failures = isLasting ? MOST_FAILURES : this.failures + 1;
    }
  }
}

/** A command with many tasks does not fit into one request. What one part does not know of another is in the coordinator's own run. */
function partsOf(event: ReportEvent): ReportEvent[] {
  if (event.type !== 'run' || event.tasks.length <= PART_TASKS) return [event];
  const parts: ReportEvent[] = [];
  for (let at = 0; at < event.tasks.length; at += PART_TASKS)
    parts.push({ ...event, tasks: event.tasks.slice(at, at + PART_TASKS) });
  return parts;
}
