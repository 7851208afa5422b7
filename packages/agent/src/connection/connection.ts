import {
  type LimitValues,
  type Message,
  DteError,
  HTTP,
  decode,
  errorMessageSchema,
} from '@org/dte-protocol';
import { WebSocket } from 'ws';
import { type z } from 'zod';
import { type Backoff, uniformBackoff } from './backoff';
import { type HelloClaims } from './client-handshake';
import { type Link, type LinkEvents, openLink } from './link';
import { Outbox } from './outbox';

/** Where a connection stands. It leaves `closed` and `failed` never again. */
export type ConnectionState =
  /** Trying; `lastError` says why the previous try or connection ended, null at first. */
  | { readonly name: 'connecting'; readonly lastError: DteError | null }
  | {
      readonly name: 'open';
      readonly url: string;
      readonly token: string;
      readonly heartbeatMs: number;
      readonly leaseMs: number;
    }
  | { readonly name: 'closed' }
  /** Refused in a way that trying again cannot help (ERROR_CODES: fatal). */
  | { readonly name: 'failed'; readonly error: DteError };

export interface ConnectOptions<T> {
  /**
   * `http(s)://host:port` of the coordinator, or a function asked before each try (a rendezvous): null means that
   * there is none yet.
   */
  readonly url: string | (() => Promise<string | null>);
  readonly hello: HelloClaims;
  /** DTE_SECRET; the coordinator is refused when it cannot prove that it knows it too. */
  readonly secret?: string | undefined;
  readonly limits: LimitValues;
  /** Schema of what the coordinator may say after the handshake. */
  readonly incoming: z.ZodType<T>;
  /** Aborting is `close()`. */
  readonly signal?: AbortSignal | undefined;
  /** For tests; default: Math.random. */
  readonly random?: (() => number) | undefined;
}

/**
 * A connection to the coordinator that opens again by itself until it is closed or refused for good.
 * Everything sent over it says a state: on each `open` say yours again.
 */
export interface Connection<T> {
  readonly state: ConnectionState;
  /** Listeners added before the next turn of the event loop miss nothing. Returns the way to remove it. */
  onMessage(listener: (message: T) => void): () => void;
  onState(listener: (state: ConnectionState) => void): () => void;
  /**
   * Queues a message. State messages replace an older queued one of the same subject and survive a reconnect.
   * @returns false when it was refused: output while not open or with DTE_OUTPUT_BUFFER_BYTES waiting
   */
  send(message: Message): boolean;
  /** Bearer token of the newest welcome. Throws DteError DTE_NO_COORDINATOR before the first one. */
  token(): string;
  /** Address of the coordinator of the newest welcome. Throws DteError DTE_NO_COORDINATOR before the first one. */
  url(): string;
  /** Says what is queued, closes and frees every timer. Idempotent. */
  close(): void;
}

/** Opens a connection; tries start in the next turn of the event loop. */
export function connect<T>(options: ConnectOptions<T>): Connection<T> {
  return new ReconnectingConnection(options);
}

class ReconnectingConnection<T> implements Connection<T> {
  private current: ConnectionState = { name: 'connecting', lastError: null };
  private readonly messageListeners = new Set<(message: T) => void>();
  private readonly stateListeners = new Set<(state: ConnectionState) => void>();
  private readonly outbox: Outbox;
  private readonly backoff: Backoff;
  private link: Link | null = null;
  private timer: NodeJS.Timeout | null = null;
  private lastOpen: { url: string; token: string } | null = null;
  private readonly onAbort = () => this.close();

  constructor(private readonly options: ConnectOptions<T>) {
    const { limits, signal } = options;
    this.outbox = new Outbox(limits.outputBufferBytes);
    this.backoff = uniformBackoff(limits.reconnectMinMs, limits.reconnectMaxMs, options.random);
    signal?.addEventListener('abort', this.onAbort, { once: true });
    this.timer = setTimeout(() => void this.tryOnce(), 0);
    if (signal?.aborted === true) this.close();
  }

  get state(): ConnectionState {
    return this.current;
  }

  onMessage(listener: (message: T) => void): () => void {
    this.messageListeners.add(listener);
    return () => this.messageListeners.delete(listener);
  }

  onState(listener: (state: ConnectionState) => void): () => void {
    this.stateListeners.add(listener);
    return () => this.stateListeners.delete(listener);
  }

  send(message: Message): boolean {
    return this.isOver() ? false : this.outbox.push(message);
  }

  token(): string {
    return this.latest().token;
  }

  url(): string {
    return this.latest().url;
  }

  close(): void {
    if (!this.isOver()) this.enter({ name: 'closed' });
  }

  private latest(): { url: string; token: string } {
    if (this.lastOpen !== null) return this.lastOpen;
    throw new DteError('DTE_NO_COORDINATOR', 'There is no connection to a coordinator yet.');
  }

  private isOver(): boolean {
    return this.current.name === 'closed' || this.current.name === 'failed';
  }

  /** The one way into a state: frees what the previous one owned. */
  private enter(next: ConnectionState): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    if (next.name !== 'open') {
      this.outbox.detach();
      this.link?.close();
      this.link = null;
    }
    this.current = next;
    if (this.isOver()) this.options.signal?.removeEventListener('abort', this.onAbort);
    for (const listener of [...this.stateListeners]) listener(next);
  }

  private async tryOnce(): Promise<void> {
    const url = await this.findUrl();
    if (this.isOver()) return;
    if (url instanceof DteError) {
      this.lost(url);
      return;
    }
    const events: LinkEvents = {
      onWelcome: (welcome) => {
        this.backoff.reset();
        this.lastOpen = { url, token: welcome.token };
        this.enter({
          name: 'open',
          url,
          token: welcome.token,
          heartbeatMs: welcome.heartbeatMs,
          leaseMs: welcome.leaseMs,
        });
        if (this.link !== null) this.outbox.attach(this.link);
      },
      onFrame: (frame) => this.receive(frame),
      onEnd: (error) => this.lost(error),
    };
    const socket = new WebSocket(new URL(HTTP.connect, url.replace(/^http/, 'ws')), {
      maxPayload: this.options.limits.frameBytes,
      perMessageDeflate: false,
    });
    this.link = openLink(socket, this.options, events);
  }

  private async findUrl(): Promise<string | DteError> {
    const { url } = this.options;
    if (typeof url === 'string') return url;
    try {
      return (await url()) ?? new DteError('DTE_NO_COORDINATOR', 'No coordinator has announced itself yet.');
    } catch (thrown) {
      return DteError.from(thrown, 'DTE_NO_COORDINATOR');
    }
  }

  private receive(frame: string): void {
    let message: T;
    try {
      const { incoming, limits } = this.options;
      message = decode(incoming, frame, limits.frameBytes);
    } catch (thrown) {
      this.lost(DteError.from(thrown));
      return;
    }
    const error = errorMessageSchema.safeParse(message);
    if (error.success && error.data.fatal) {
      this.lost(new DteError(error.data.reason.code, error.data.reason.message));
      return;
    }
    for (const listener of [...this.messageListeners]) listener(message);
  }

  private lost(error: DteError): void {
    if (this.isOver()) return;
    if (error.severity === 'fatal') {
      this.enter({ name: 'failed', error });
      return;
    }
    this.enter({ name: 'connecting', lastError: error });
    // A listener may have closed the connection when it heard of this.
    if (this.isOver()) return;
    this.timer = setTimeout(() => void this.tryOnce(), this.backoff.nextMs());
  }
}
