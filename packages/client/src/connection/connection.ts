import { channelOf } from '@org/dte-identity';
import {
  type CoordinatorAddress,
  type LimitValues,
  type Message,
  DteError,
  HTTP,
  decode,
  errorMessageSchema,
} from '@org/dte-protocol';
import { WebSocket } from 'ws';
import { type z } from 'zod';
import { type Dialled, dial } from '../dial';
import { HttpWay } from '../tunnel/http-way';
import { type Backoff, uniformBackoff } from './backoff';
import { type Channel, type Credentials, type HelloClaims } from './client-handshake';
import { type LinkEvents, Link } from './link';
import { errorOf } from './proof';
import { Outbox } from './outbox';
import { Reach, type Unreached } from './reach';

/** State of a connection. `closed` and `failed` are final. */
export type ConnectionState =
  | {
      readonly name: 'connecting';
      /** Why the previous try or connection ended; null at first. */
      readonly lastError: DteError | null;
      /** There is an address, but nothing answers there; null if that is not the case, or not known yet. */
      readonly unreached: Unreached | null;
    }
  | {
      readonly name: 'open';
      /** The address that answered. */
      readonly url: string;
      /** The address for HTTP: the same, or a port of this machine that leads to it (see `HttpWay`). */
      readonly httpUrl: string;
      readonly token: string;
      readonly heartbeatMs: number;
      readonly leaseMs: number;
    }
  | { readonly name: 'closed' }
  /** Rejected in a way that a retry cannot fix (ERROR_CODES: fatal). */
  | { readonly name: 'failed'; readonly error: DteError };

export interface ConnectOptions<T> {
  /**
   * `http(s)://host:port` of the coordinator, or a function that is called before each try (a rendezvous): null means
   * that no address is published yet.
   */
  readonly address: string | (() => Promise<CoordinatorAddress | null>);
  readonly hello: HelloClaims;
  readonly credentials?: Credentials | undefined;
  readonly limits: LimitValues;
  /** Schema of the coordinator's messages after the handshake. */
  readonly incoming: z.ZodType<T>;
  /** Aborting is `close()`. */
  readonly signal?: AbortSignal | undefined;
  /** For tests; default: Math.random. */
  readonly random?: (() => number) | undefined;
}

/**
 * A connection to the coordinator that reconnects automatically until it is closed or finally rejected. All its
 * messages are states: on each `open`, send yours again.
 */
export interface Connection<T> {
  readonly state: ConnectionState;
  /** Listeners that are added before the next turn of the event loop miss nothing. Returns a function that removes it. */
  onMessage(listener: (message: T) => void): () => void;
  onState(listener: (state: ConnectionState) => void): () => void;
  /**
   * Queues a message. A state message replaces an older queued one of the same subject and survives a reconnect.
   * @returns false if it was refused: output while not open or with DTE_OUTPUT_BUFFER_BYTES waiting
   */
  send(message: Message): boolean;
  /** Bearer token of the latest welcome. Throws DteError DTE_NO_COORDINATOR before the first one. */
  token(): string;
  /** Address of the coordinator of the latest welcome. Throws DteError DTE_NO_COORDINATOR before the first one. */
  url(): string;
  /** Like `url`, for HTTP: a port of this machine if not every client reaches the coordinator. It exists until `close`. */
  httpUrl(): string;
  /** Sends what is queued, closes and releases every timer. Idempotent. */
  close(): void;
}

/** Opens a connection; tries start in the next turn of the event loop. */
export function connect<T>(options: ConnectOptions<T>): Connection<T> {
  return new ReconnectingConnection(options);
}

function backoffOf({ address, limits, random }: ConnectOptions<unknown>): Backoff {
  const { reconnectMinMs, reconnectMaxMs, reconnectSoonMs: maxMs, reconnectSoonTries: tries } = limits;
  const soon = typeof address === 'string' ? { tries, maxMs } : undefined;
  return uniformBackoff(reconnectMinMs, reconnectMaxMs, random, soon);
}

type LastOpen = Readonly<{ url: string; httpUrl: string; token: string }>;

class ReconnectingConnection<T> implements Connection<T> {
  private current: ConnectionState = {
    name: 'connecting',
    lastError: null,
    unreached: null,
  };
  private readonly messageListeners = new Set<(message: T) => void>();
  private readonly stateListeners = new Set<(state: ConnectionState) => void>();
  private readonly outbox: Outbox;
  private readonly backoff: Backoff;
  private readonly reach: Reach;
  private readonly over = new AbortController();
  private readonly httpWay: HttpWay;
  private readonly authorities: readonly string[];
  private link: Link | null = null;
  private timer: NodeJS.Timeout | null = null;
  private lastOpen: LastOpen | null = null;
  private verifiedPin: string | null = null;
  private readonly onAbort = () => this.close();

  constructor(private readonly options: ConnectOptions<T>) {
    const { limits, signal } = options;
    this.outbox = new Outbox(limits.outputBufferBytes);
    this.backoff = backoffOf(options);
    this.reach = new Reach(limits.pinPatienceMs);
    this.authorities = options.credentials?.authorities ?? [];
    this.httpWay = new HttpWay(limits, this.authorities);
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

  httpUrl(): string {
    return this.latest().httpUrl;
  }

  close(): void {
    if (!this.isOver()) this.enter({ name: 'closed' });
  }

  private latest(): LastOpen {
    if (this.lastOpen !== null) return this.lastOpen;
    throw new DteError('DTE_NO_COORDINATOR', 'There is no connection to a coordinator yet.');
  }

  private isOver(): boolean {
    return this.current.name === 'closed' || this.current.name === 'failed';
  }

  /** The only way into a state: frees what the previous one owned. */
  private enter(next: ConnectionState): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    if (next.name !== 'open') {
      this.outbox.detach();
      this.link?.close(next.name !== 'connecting');
      this.link = null;
    }
    this.current = next;
    if (this.isOver()) {
      this.options.signal?.removeEventListener('abort', this.onAbort);
      this.over.abort();
      this.httpWay.close();
    }
    for (const listener of [...this.stateListeners]) listener(next);
  }

  private async tryOnce(): Promise<void> {
    let address: CoordinatorAddress;
    let dialled: Dialled;
    let httpUrl: string;
    try {
      address = await this.findAddress();
      if (this.isOver()) return;
      const urls = this.reach.begin(address, Date.now());
      dialled = await dial(
        { urls, pin: address.pin, authorities: this.authorities },
        this.options.limits,
        this.over.signal,
      );
      this.reach.reached(dialled.url);
      httpUrl = await this.httpWay.to(dialled.url, address.pin);
    } catch (thrown) {
      this.lost(DteError.from(thrown, 'DTE_NO_COORDINATOR'));
      return;
    }
    if (this.isOver()) {
      dialled.socket.destroy();
      return;
    }
    this.openLink(dialled, httpUrl, address.pin);
  }

  private openLink({ socket, url }: Dialled, httpUrl: string, pin: string | null): void {
    const events: LinkEvents = {
      onWelcome: ({ token, heartbeatMs, leaseMs }) => {
        this.backoff.reset();
        this.verifiedPin = pin;
        this.lastOpen = { url, httpUrl, token };
        this.enter({ name: 'open', ...this.lastOpen, heartbeatMs, leaseMs });
        if (this.link !== null) this.outbox.attach(this.link);
      },
      onFrame: (frame) => this.receive(frame),
      onEnd: (error) => this.lost(error),
    };
    const webSocket = new WebSocket(new URL(HTTP.connect, url.replace(/^http/, 'ws')), {
      maxPayload: this.options.limits.frameBytes,
      perMessageDeflate: false,
      // Already connected, with a verified key: any other state would claim more than is known.
      createConnection: () => socket,
    });
    const { hello, credentials = {}, limits } = this.options;
    const channel: Channel = {
      exported: channelOf(socket),
      pinned: pin !== null,
      verified: pin !== null && pin === this.verifiedPin,
      sessionToken: this.lastOpen?.token ?? null,
    };
    this.link = new Link(webSocket, { hello, credentials, channel, limits }, events);
  }

  private async findAddress(): Promise<CoordinatorAddress> {
    const { address } = this.options;
    if (typeof address === 'string') return { urls: [address], pin: null, generation: address };
    const found = await address();
    if (found !== null) return found;
    this.reach.forget();
    throw new DteError('DTE_NO_COORDINATOR', 'No coordinator has published its address yet.');
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
      this.lost(errorOf(error.data.reason));
      return;
    }
    for (const listener of [...this.messageListeners]) listener(message);
  }

  private lost(error: DteError): void {
    if (this.isOver()) return;
    if (error.severity === 'fatal' && this.reach.isFinal(error, Date.now())) {
      this.enter({ name: 'failed', error });
      return;
    }
    this.enter({ name: 'connecting', lastError: error, unreached: this.reach.unreached });
    // A listener may have closed the connection in response.
    if (this.isOver()) return;
    this.timer = setTimeout(() => void this.tryOnce(), this.backoff.nextMs());
  }
}
