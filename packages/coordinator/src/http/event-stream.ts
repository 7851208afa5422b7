import type { ServerResponse } from 'node:http';
import { LIMITS } from '@org/dte-protocol';
import type { SessionReport } from '../report/session-report';

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // nginx collects answers otherwise.
  'x-accel-buffering': 'no',
  'x-content-type-options': 'nosniff',
};

/** `resume`: what follows the reader's number is not kept any more: load the report again. */
const RESUME = 'event: resume\ndata: []\n\n';
const HEARTBEAT = ': \n\n';

/**
 * Sends the events of a session to one reader as server-sent events. There is no buffer for each reader: the next piece is taken
 * from the session's latest events when the socket has taken the last one. A reader that is too slow for them is told to
 * resume, and its connection ends.
 */
export class EventStream {
  private readonly heartbeat: NodeJS.Timeout;
  private readonly stopListening: () => void;
  private flushing: NodeJS.Timeout | null = null;
  private blocked = false;
  private over = false;

  /** @param after number of the last event that the reader knows */
  constructor(
    private readonly report: SessionReport,
    private readonly response: ServerResponse,
    private after: number,
    private readonly onClosed: () => void,
  ) {
    response.writeHead(200, HEADERS);
    // A browser reconnects after this many milliseconds.
    response.write(`retry: ${LIMITS.reportCacheMs.value}\n\n`);
    response.on('drain', () => {
      this.blocked = false;
      this.flush();
    });
    response.once('close', () => this.close());
    this.heartbeat = setInterval(() => this.beat(), LIMITS.reportHeartbeatMs.value);
    this.stopListening = report.onNews(() => this.soon());
    this.flush();
  }

  private soon(): void {
    if (!this.report.isOpen) this.flush();
    else this.flushing ??= setTimeout(() => this.flush(), LIMITS.reportFlushMs.value);
  }

  private flush(): void {
    if (this.flushing !== null) clearTimeout(this.flushing);
    this.flushing = null;
    while (!this.over && !this.blocked) {
      const next = this.report.after(this.after, LIMITS.reportPieceBytes.value);
      if (next === null) break;
      if (next === 'missed') {
        this.end(RESUME);
        return;
      }
      this.after = next.seq;
      this.blocked = !this.response.write(`id: ${next.seq}\ndata: ${next.json}\n\n`);
    }
    // Also if something is still to be sent: whoever is that slow asks again, and is told to resume.
    if (!this.report.isOpen) this.end('');
  }

  private beat(): void {
    if (!this.blocked) this.blocked = !this.response.write(HEARTBEAT);
    // Nothing was taken since: it is measured against the events that are kept, even if no new ones wake it.
    else if (this.report.after(this.after, 1) === 'missed') this.end(RESUME);
  }

  private end(last: string): void {
    if (this.over) return;
    this.close();
    this.response.end(last);
    // A reader that does not take even this is cut off.
    const { socket } = this.response;
    const timer = setTimeout(() => socket?.destroy(), LIMITS.linkCloseMs.value);
    this.response.once('close', () => clearTimeout(timer));
  }

  private close(): void {
    if (this.over) return;
    this.over = true;
    clearInterval(this.heartbeat);
    if (this.flushing !== null) clearTimeout(this.flushing);
    this.stopListening();
    this.onClosed();
  }
}
