import { type LimitValues, type Welcome, CLOSE_CODES, DteError, LIMITS } from '@org/dte-protocol';
import { type RawData, type WebSocket } from 'ws';
import {
  type Channel,
  type ClientHandshake,
  type Credentials,
  type HelloClaims,
  clientHandshake,
} from './client-handshake';
import { type FrameSink } from './outbox';

export interface LinkEvents {
  /** The handshake is complete. Called once, before any `onFrame`. */
  onWelcome(welcome: Welcome): void;
  onFrame(frame: string): void;
  /** The end, and why. Called once, unless `close` was called first. */
  onEnd(error: DteError): void;
}

export interface LinkOptions {
  readonly hello: HelloClaims;
  readonly credentials: Credentials;
  readonly channel: Channel;
  readonly limits: LimitValues;
}

/** A peer that missed this many heartbeats is gone, whatever TCP reports. A part of the limit `heartbeatMs`. */
const SILENT_HEARTBEATS = 3;

const textOf = (data: RawData): string =>
  Array.isArray(data) ? Buffer.concat(data).toString('utf8') : Buffer.from(data as Buffer).toString('utf8');

/** One WebSocket from its opening to its end; it never reopens. */
export class Link implements FrameSink {
  private readonly handshake: ClientHandshake;
  /** Frames after a welcome that is still being verified; null at all other times. */
  private held: string[] | null = null;
  private welcomed = false;
  private ended = false;
  private alive = true;
  private silent = 0;
  private heartbeat: NodeJS.Timeout | null = null;
  private readonly patience: NodeJS.Timeout;

  constructor(
    private readonly socket: WebSocket,
    private readonly options: LinkOptions,
    private readonly events: LinkEvents,
  ) {
    const { hello, credentials, channel, limits } = options;
    this.handshake = clientHandshake(hello, credentials, channel);
    this.patience = setTimeout(() => {
      const message = `The coordinator did not complete the handshake in ${limits.handshakeMs} ms.`;
      this.end(new DteError('DTE_NO_COORDINATOR', message));
    }, limits.handshakeMs);
    this.listen();
  }

  get bufferedBytes(): number {
    return this.socket.bufferedAmount;
  }

  write(frame: string, done: () => void): void {
    this.socket.send(frame, (error) => {
      if (!error) done();
    });
  }

  /**
   * Sends what was written, then closes. No event follows.
   * @param isFinal this client will not connect again: only then does the coordinator not wait for it
   */
  close(isFinal: boolean): void {
    if (this.ended) return;
    this.ended = true;
    this.stopTimers();
    const { socket } = this;
    if (socket.readyState !== socket.OPEN) {
      socket.terminate();
      return;
    }
    socket.close(isFinal ? CLOSE_CODES.done : CLOSE_CODES.again);
    const cut = setTimeout(() => socket.terminate(), LIMITS.linkCloseMs.value);
    socket.once('close', () => clearTimeout(cut));
  }

  private listen(): void {
    const { socket } = this;
    const heard = () => (this.alive = true);
    socket.on('ping', heard);
    socket.on('pong', heard);
    socket.on('message', (data) => {
      heard();
      this.take(textOf(data));
    });
    // Also frames above maxPayload, and refused upgrades (a proxy, a coordinator that is starting).
    socket.on('error', (cause) => this.end(this.errorOf(cause)));
    socket.on('close', () =>
      this.end(new DteError('DTE_NO_COORDINATOR', 'The coordinator closed the connection.')),
    );
  }

  private errorOf(cause: Error): DteError {
    if ((cause as NodeJS.ErrnoException).code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') {
      const message = `The coordinator sent a frame above ${this.options.limits.frameBytes} bytes.`;
      return new DteError('DTE_FRAME_TOO_LARGE', message, { cause });
    }
    const message = `The coordinator cannot be reached: ${cause.message || cause.name}.`;
    return new DteError('DTE_NO_COORDINATOR', message, { cause });
  }

  private stopTimers(): void {
    clearTimeout(this.patience);
    if (this.heartbeat !== null) clearInterval(this.heartbeat);
  }

  private end(error: DteError): void {
    if (this.ended) return;
    this.ended = true;
    this.stopTimers();
    this.socket.terminate();
    this.events.onEnd(error);
  }

  private isOver(): boolean {
    return this.ended;
  }

  /** Our own pings make the peer answer, so that silence is significant even if there is nothing to send. */
  private beat(): void {
    this.silent = this.alive ? 0 : this.silent + 1;
    this.alive = false;
    if (this.silent >= SILENT_HEARTBEATS) {
      this.end(new DteError('DTE_NO_COORDINATOR', 'The coordinator has been silent for three heartbeats.'));
    } else {
      this.socket.ping();
    }
  }

  private take(frame: string): void {
    if (this.ended) return;
    try {
      this.receive(frame);
    } catch (thrown) {
      this.end(DteError.from(thrown));
    }
  }

  private receive(frame: string): void {
    if (this.held !== null) {
      this.held.push(frame);
    } else if (this.welcomed) {
      this.events.onFrame(frame);
    } else {
      const step = this.handshake.receive(frame);
      if ('send' in step) this.socket.send(step.send);
      else void this.accept(step.welcome);
    }
  }

  private async accept(welcome: Welcome): Promise<void> {
    const frames: string[] = [];
    this.held = frames;
    // Holds no more than what is already in transit, because the peer is not authenticated yet.
    this.socket.pause();
    try {
      await this.handshake.verify(welcome);
    } catch (thrown) {
      this.end(DteError.from(thrown));
    }
    if (this.isOver()) return;
    this.held = null;
    this.welcomed = true;
    clearTimeout(this.patience);
    this.heartbeat = setInterval(() => this.beat(), welcome.heartbeatMs);
    this.events.onWelcome(welcome);
    for (const frame of frames) this.take(frame);
    this.socket.resume();
  }
}
