import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Data is passed on in pieces of this size, so that a slow link is slow from its first byte. */
const PIECE_BYTES = 4096;

/** Which side of a half-open connection still believes in it. */
export type Believer = 'client' | 'server';

/** One connection through the proxy: what its client sends and what its server answers. */
class Passage {
  private isMuted = false;

  constructor(
    private readonly client: Socket,
    private readonly server: Socket,
    private readonly pace: (bytes: number) => Promise<void>,
  ) {
    for (const socket of [client, server]) socket.setNoDelay(true);
    client.on('error', () => this.end());
    server.on('error', () => this.end());
    void this.pump(client, server);
    void this.pump(server, client);
  }

  /** As if both sides' connections had been closed. */
  readonly end = (): void => {
    if (this.isMuted) return;
    this.client.destroy();
    this.server.destroy();
  };

  reset(): void {
    this.client.resetAndDestroy();
    this.server.resetAndDestroy();
  }

  /** One side's connection is gone; the other side hears nothing of that, and whatever it sends is lost. */
  halfOpen(believer: Believer): void {
    this.isMuted = true;
    (believer === 'client' ? this.server : this.client).destroy();
  }

  /** For the end of the proxy. */
  destroy(): void {
    this.client.destroy();
    this.server.destroy();
  }

  private async pump(from: Socket, to: Socket): Promise<void> {
    try {
      for await (const data of from.iterator({ destroyOnReturn: false })) await this.pass(data as Buffer, to);
      if (!this.isMuted) to.end();
    } catch {
      this.end();
    }
  }

  private async pass(data: Buffer, to: Socket): Promise<void> {
    for (let start = 0; start < data.length; start += PIECE_BYTES) {
      const piece = data.subarray(start, start + PIECE_BYTES);
      await this.pace(piece.length);
      if (this.isMuted || to.destroyed) return;
      if (to.write(piece)) continue;
      await Promise.race([once(to, 'drain'), once(to, 'close')]);
    }
  }
}

/** A TCP proxy on a port of its own, whose connections can be made to fail in every way in which a network does. */
export class TcpProxy {
  private readonly passages = new Set<Passage>();
  private refusesUntilMs = 0;
  /** Resolves when data may be passed on again. */
  private gate: Promise<void> = Promise.resolve();
  private bytesPerSecond = Infinity;
  /** When the link has passed on what it was given so far, ms since the epoch. */
  private busyUntilMs = 0;
  private readonly closing = new AbortController();

  private constructor(
    private readonly server: Server,
    /** Asked for each connection, because the port of a coordinator may not be known yet. */
    private readonly targetPort: () => number,
  ) {
    server.on('connection', (client) => this.accept(client));
  }

  /** @param targetPort of 127.0.0.1 */
  static async open(targetPort: () => number): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TcpProxy(server, targetPort);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Connections that are open. */
  get connections(): number {
    return this.passages.size;
  }

  /** Ends all connections, and refuses others for a while. */
  cut(refuseMs: number): void {
    this.refusesUntilMs = Date.now() + refuseMs;
    for (const passage of this.passages) passage.end();
  }

  reset(): void {
    for (const passage of this.passages) passage.reset();
  }

  halfOpen(believer: Believer): void {
    for (const passage of this.passages) passage.halfOpen(believer);
  }

  /** Passes nothing on for so long; then everything that was sent. */
  stall(forMs: number): void {
    this.gate = this.pause(forMs);
  }

  /** Passes nothing on until the returned function is called; then everything that was sent. */
  hold(): () => void {
    let release: () => void = () => undefined;
    this.gate = new Promise<void>((resolve) => (release = resolve));
    this.closing.signal.addEventListener('abort', release, { once: true });
    return release;
  }

  /** All connections together pass so many bytes per second on, for a while. */
  async slow(bytesPerSecond: number, forMs: number): Promise<void> {
    this.bytesPerSecond = bytesPerSecond;
    await this.pause(forMs);
    this.bytesPerSecond = Infinity;
  }

  async close(): Promise<void> {
    this.closing.abort();
    for (const passage of this.passages) passage.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  /** Resolves early when the proxy is closed. */
  private async pause(forMs: number): Promise<void> {
    await delay(forMs, undefined, { signal: this.closing.signal }).catch(() => undefined);
  }

  private readonly pace = async (bytes: number): Promise<void> => {
    await this.gate;
    if (this.bytesPerSecond === Infinity) return;
    this.busyUntilMs = Math.max(this.busyUntilMs, Date.now()) + (bytes * 1000) / this.bytesPerSecond;
    await this.pause(this.busyUntilMs - Date.now());
  };

  private accept(client: Socket): void {
    if (Date.now() < this.refusesUntilMs) {
      client.on('error', () => undefined).resetAndDestroy();
      return;
    }
    const server = connect({ port: this.targetPort(), host: '127.0.0.1', allowHalfOpen: true });
    const passage = new Passage(client, server, this.pace);
    this.passages.add(passage);
    let open = 2;
    const closed = (): void => {
      if (--open === 0) this.passages.delete(passage);
    };
    client.on('close', closed);
    server.on('close', closed);
  }
}
