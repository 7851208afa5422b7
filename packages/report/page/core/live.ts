import type { ReportEvent } from '../../src/model/event';
import { ModelFold } from '../../src/model/fold';
import type { SessionModel } from '../../src/model/model';
import type { LiveAddresses } from '../../src/page/live-page';
import { addresses, connection, nowMs, show } from './state';

/** Between two attempts to reach the server, in ms: a restart of it takes a few seconds. */
const RETRY_MS = 2_000;
/** Between two renderings, in ms: with 10,000 tasks, each takes some 50. */
const RENDER_MS = 400;
/** The answer of HTTP that there is nothing, and nothing will come. */
const NO_CONTENT = 204;
/** The answer of HTTP to who may not, or not any more. */
const UNAUTHORIZED = 401;
/** Bars of running tasks grow this often. */
const TICK_MS = 1_000;

/** `latest?a=b` with more parameters. */
export function withQuery(url: string, query: Readonly<Record<string, string>>): string {
  return `${url}${url.includes('?') ? '&' : '?'}${new URLSearchParams(query).toString()}`;
}

/** Follows a session: its model, then every event after it. Never gives up, because the server may come back. */
export function follow(at: LiveAddresses): void {
  addresses.value = at;
  connection.value = 'connecting';
  void new Follower(at).start();
}

class Follower {
  private fold = new ModelFold();
  private seq = 0;
  private source: EventSource | null = null;
  private rendering: number | null = null;
  /** How far the clock of who writes the events is ahead of this one; negative: behind. */
  private aheadMs = 0;

  constructor(private readonly at: LiveAddresses) {
    window.setInterval(() => this.tick(), TICK_MS);
  }

  async start(): Promise<void> {
    try {
      const response = await fetch(this.at.modelUrl, { credentials: 'same-origin' });
      if (response.status === UNAUTHORIZED) {
        // What this browser was given has expired: the server says how to get in again.
        window.location.reload();
        return;
      }
      if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
      // Exact to a second; events make it more exact.
      const serverMs = Date.parse(response.headers.get('date') ?? '');
      if (!Number.isNaN(serverMs)) this.aheadMs = serverMs - Date.now();
      const { seq, model } = (await response.json()) as { seq: number; model: SessionModel };
      this.fold = ModelFold.resume(model);
      this.seq = seq;
      this.render();
      this.listen();
    } catch {
      this.again(RETRY_MS);
    }
  }

  private eventsUrl(): string {
    return withQuery(this.at.eventsUrl, { after: String(this.seq) });
  }

  private listen(): void {
    const source = new EventSource(this.eventsUrl());
    this.source = source;
    source.onopen = () => {
      connection.value = 'connected';
    };
    source.onmessage = ({ data, lastEventId }: MessageEvent<string>) => this.take(data, Number(lastEventId));
    source.onerror = () => void this.onError(source);
    source.addEventListener('resume', () => this.again(0));
  }

  private take(data: string, seq: number): void {
    // A batch that was sent twice.
    if (seq <= this.seq) return;
    const events = JSON.parse(data) as ReportEvent[];
    for (const event of events) {
      this.fold.apply(event);
      this.aheadMs = Math.max(event.atMs - Date.now(), this.aheadMs);
    }
    this.seq = seq;
    this.rendering ??= window.setTimeout(() => this.render(), RENDER_MS);
  }

  private render(): void {
    this.rendering = null;
    this.tick();
    show(this.fold.model);
  }

  private tick(): void {
    const running = this.fold.model.runs.some(({ endMs }) => endMs === null);
    nowMs.value = running ? Date.now() + this.aheadMs : null;
  }

  /** Why a stream of events ended, only a request can tell: 204 is the end of the session. */
  private async onError(source: EventSource): Promise<void> {
    const refused = source.readyState === EventSource.CLOSED;
    source.close();
    if (refused && (await this.isOver())) connection.value = 'over';
    else this.again(RETRY_MS);
  }

  private async isOver(): Promise<boolean> {
    const abort = new AbortController();
    try {
      return (await fetch(this.eventsUrl(), { signal: abort.signal })).status === NO_CONTENT;
    } catch {
      return false;
    } finally {
      abort.abort();
    }
  }

  /** Begins with the model: after a restart, the server may count its events differently. */
  private again(afterMs: number): void {
    this.source?.close();
    this.source = null;
    connection.value = 'lost';
    window.setTimeout(() => void this.start(), afterMs);
  }
}
