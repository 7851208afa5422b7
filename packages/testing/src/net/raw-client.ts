import { EventEmitter, once } from 'node:events';
import { TLSSocket } from 'node:tls';
import {
  type Challenge,
  CHANNEL_BINDING_EXPORT,
  type Hello,
  HTTP,
  type Message,
  UNBOUND,
} from '@org/dte-protocol';
import { type ClientOptions, WebSocket } from 'ws';
import { signHello } from '../examples';

export interface ClosedWith {
  readonly code: number;
  readonly reason: string;
}

type MessageOf<T extends Message['type']> = Extract<Message, { type: T }>;

/** Emitted after every message and every change. */
const NEWS = 'dte-news';
/** Below jest's own timeout of 5 s, so that the last state is printed. */
const DEADLINE_MS = 4_500;

/** A WebSocket client that sends exactly what a test gives it, valid or not, and records what it receives. */
export class RawClient {
  /** Everything received, oldest first. */
  readonly received: Message[] = [];
  /** Set when the connection is closed. */
  closed: ClosedWith | null = null;
  /** Hex of the keying material of the TLS connection; null for a plain one. */
  channel: string | null = null;
  private readonly news = new EventEmitter();

  private constructor(readonly socket: WebSocket) {
    // Parsed without a schema: the tests judge what a coordinator sends.
    socket.on('message', (data) => {
      this.received.push(JSON.parse((data as Buffer).toString('utf8')) as Message);
      this.news.emit(NEWS);
    });
    socket.on('upgrade', ({ socket: below }) => {
      if (!(below instanceof TLSSocket)) return;
      const { bytes, label } = CHANNEL_BINDING_EXPORT;
      this.channel = below.exportKeyingMaterial(bytes, label, Buffer.alloc(0)).toString('hex');
    });
    socket.on('open', () => this.news.emit(NEWS));
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString('utf8') };
      this.news.emit(NEWS);
    });
    socket.on('error', () => undefined);
  }

  /** Connects to `http://host:port` or `https://host:port` (with any certificate). Waits for the connection, not for the challenge. */
  static async connect(url: string, options: ClientOptions = {}): Promise<RawClient> {
    const address = url.replace(/^http/, 'ws') + HTTP.connect;
    const client = new RawClient(new WebSocket(address, { rejectUnauthorized: false, ...options }));
    await client.until('a connection', () => client.socket.readyState === WebSocket.OPEN || client.closed);
    return client;
  }

  /**
   * Connects and sends a hello, with a proof if a secret is given. The proof is bound to the connection if that is TLS
   * and the hello does not set another binding. Waits for welcome or error.
   */
  static async hello(url: string, hello: Hello, secret?: string): Promise<RawClient> {
    const client = await RawClient.connect(url);
    const challenge = await client.next('challenge');
    client.send(secret === undefined ? hello : client.sign(hello, challenge, secret));
    await client.until(
      `an answer to the hello of ${hello.name}`,
      () => client.received.length > 1 || client.closed,
    );
    return client;
  }

  private sign(hello: Hello, challenge: Challenge, secret: string): Hello {
    const { channelBinding = this.channel === null ? 'none' : 'tls-exporter' } = hello;
    const channel = channelBinding === 'none' ? UNBOUND : (this.channel ?? UNBOUND);
    return signHello({ ...hello, channelBinding }, challenge, secret, channel);
  }

  send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  /** All messages of a type that were received so far. */
  all<T extends Message['type']>(type: T): MessageOf<T>[] {
    return this.received.filter((message): message is MessageOf<T> => message.type === type);
  }

  /** The first message of a type that matches, received already or later. */
  async next<T extends Message['type']>(
    type: T,
    fits: (message: MessageOf<T>) => boolean = () => true,
  ): Promise<MessageOf<T>> {
    return this.until(`a message ${type}`, () => this.all(type).find(fits));
  }

  /** The token of the welcome. */
  get token(): string {
    const welcome = this.all('welcome')[0];
    if (welcome === undefined) throw new Error(`Not welcome: ${JSON.stringify(this.received)}`);
    return welcome.token;
  }

  async whenClosed(): Promise<ClosedWith> {
    return this.until('the end of the connection', () => this.closed);
  }

  /** Closes without a close handshake, like a crashing process. */
  async kill(): Promise<void> {
    this.socket.terminate();
    await this.whenClosed();
  }

  /** Checks again after each event. */
  private async until<T>(what: string, condition: () => T | null | undefined | false): Promise<T> {
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    for (;;) {
      const value = condition();
      if (value !== null && value !== undefined && value !== false) return value;
      await once(this.news, NEWS, { signal: deadline }).catch(() => {
        const state = `${JSON.stringify(this.received, null, 1)}\nclosed: ${JSON.stringify(this.closed)}`;
        throw new Error(`Waited ${DEADLINE_MS} ms in vain for: ${what}\nLast state:\n${state}`);
      });
    }
  }
}
