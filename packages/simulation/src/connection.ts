import { type ConnectionState, type FrameSink, Outbox, uniformBackoff } from '@org/dte-client';
import {
  decode,
  DteError,
  errorMessageSchema,
  type Hello,
  helloAnswerSchema,
  LIMITS,
  type Message,
} from '@org/dte-protocol';
import type { Network, Wire } from './network';

/** What `decode` checks messages against. */
export type Schema<T> = Parameters<typeof decode<T>>[0];

export interface ConnectionOptions<T> {
  readonly network: Network;
  readonly path: string;
  readonly hello: Hello;
  readonly incoming: Schema<T>;
  /** Frames of an agent may be lost one by one. */
  readonly losesSingly: boolean;
  /** Opens a connection. The coordinator may not answer the hello. */
  readonly dial: (wire: Wire) => void;
  readonly openWire: (path: string, losesSingly: boolean) => Wire;
  /** Calls back at once, or when the frozen process continues. */
  readonly whenAwake: (action: () => void) => void;
}

/** Pings and pongs that sockets send automatically, so that silence is significant. */
export const PING = 'ping';
export const PONG = 'pong';
/** A connection without an answer to this many heartbeats is closed, as in the real client. */
const SILENT_HEARTBEATS = 3;

/** `Connection` of the client over simulated wires: same states, same outbox, same rules for silence. */
export class SimulatedConnection<T> {
  state: ConnectionState = { name: 'connecting', lastError: null, unreached: null };
  private readonly outbox = new Outbox(LIMITS.outputBufferBytes.value);
  private readonly backoff;
  private readonly messages = new Set<(message: T) => void>();
  private readonly states = new Set<(state: ConnectionState) => void>();
  private wire: Wire | null = null;
  private heard = true;
  private silent = 0;
  private timers: NodeJS.Timeout[] = [];

  constructor(private readonly options: ConnectionOptions<T>) {
    const { random } = options.network;
    this.backoff = uniformBackoff(LIMITS.reconnectMinMs.value, LIMITS.reconnectMaxMs.value, random.next);
    this.later(0, () => this.tryOnce());
  }

  onMessage(listener: (message: T) => void): () => void {
    this.messages.add(listener);
    return () => this.messages.delete(listener);
  }

  onState(listener: (state: ConnectionState) => void): () => void {
    this.states.add(listener);
    return () => this.states.delete(listener);
  }

  send(message: Message): boolean {
    return this.isOver() ? false : this.outbox.push(message);
  }

  /** A frame that is not part of the ordered messages. */
  sendRaw(frame: string): void {
    if (this.state.name === 'open') this.wire?.sendUp(frame);
  }

  close(): void {
    if (this.isOver()) return;
    this.wire?.closeClient('finally');
    this.enter({ name: 'closed' });
  }

  /** The process has ended without closing the connection. */
  vanish(silently: boolean): void {
    if (this.isOver()) return;
    this.wire?.closeClient(silently ? 'silently' : null);
    this.states.clear();
    this.messages.clear();
    this.enter({ name: 'closed' });
  }

  /** The connection breaks. Only the named ends notice. */
  breakAt(end: 'client' | 'server' | 'both'): void {
    const { wire } = this;
    if (wire === null) return;
    const { client, server } = wire;
    if (end !== 'client') {
      wire.server = null;
      server?.onClosed(false);
    }
    if (end !== 'server') {
      wire.client = null;
      client?.onClosed(false);
    }
  }

  /** One end loses the connection; the other does not notice. */
  halfOpen(end: 'client' | 'server'): void {
    this.breakAt(end);
  }

  private isOver(): boolean {
    return this.state.name === 'closed' || this.state.name === 'failed';
  }

  private enter(next: ConnectionState): void {
    for (const timer of this.timers.splice(0)) clearTimeout(timer);
    if (next.name !== 'open') {
      this.outbox.detach();
      this.wire = null;
    }
    this.state = next;
    for (const listener of [...this.states]) listener(next);
  }

  private tryOnce(): void {
    const { path, losesSingly, openWire, dial, whenAwake } = this.options;
    const wire = openWire(path, losesSingly);
    this.wire = wire;
    wire.client = {
      onFrame: (frame) => whenAwake(() => this.onFrame(wire, frame)),
      onClosed: () =>
        whenAwake(() => this.lost(wire, new DteError('DTE_NO_COORDINATOR', 'The connection was closed.'))),
    };
    this.later(LIMITS.handshakeMs.value, () =>
      this.lost(wire, new DteError('DTE_NO_COORDINATOR', 'No handshake.')),
    );
    dial(wire);
  }

  private onFrame(wire: Wire, frame: string): void {
    if (this.wire !== wire || this.isOver()) return;
    this.heard = true;
    if (frame === PING) wire.sendUp(PONG);
    if (frame === PING || frame === PONG) return;
    if (this.state.name === 'open') this.receive(wire, frame);
    else this.onAnswer(wire, frame);
  }

  private onAnswer(wire: Wire, frame: string): void {
    let answer;
    try {
      answer = decode(helloAnswerSchema, frame);
    } catch {
      // It has overtaken the welcome.
      return;
    }
    if (answer.type === 'error') {
      this.lost(wire, new DteError(answer.reason.code, answer.reason.message));
      return;
    }
    const { token, heartbeatMs, leaseMs } = answer;
    this.backoff.reset();
    this.silent = 0;
    this.enter({ name: 'open', url: 'simulated', httpUrl: 'simulated', token, heartbeatMs, leaseMs });
    const sink: FrameSink = {
      bufferedBytes: 0,
      write: (text, done) => {
        this.options.whenAwake(() => wire.sendUp(text));
        done();
      },
    };
    if (this.wire === wire) this.outbox.attach(sink);
    this.beat(wire, heartbeatMs);
  }

  private receive(wire: Wire, frame: string): void {
    let message: T;
    try {
      message = decode(this.options.incoming, frame);
    } catch (thrown) {
      // A welcome that arrives twice.
      if (helloAnswerSchema.safeParse(JSON.parse(frame)).success) return;
      throw thrown;
    }
    const error = errorMessageSchema.safeParse(message);
    if (error.success && error.data.fatal)
      this.lost(wire, new DteError(error.data.reason.code, error.data.reason.message));
    else for (const listener of [...this.messages]) listener(message);
  }

  private beat(wire: Wire, heartbeatMs: number): void {
    this.later(heartbeatMs, () => {
      if (this.wire !== wire) return;
      this.silent = this.heard ? 0 : this.silent + 1;
      this.heard = false;
      if (this.silent >= SILENT_HEARTBEATS)
        this.lost(wire, new DteError('DTE_NO_COORDINATOR', 'The coordinator has been silent.'));
      else {
        wire.sendUp(PING);
        this.beat(wire, heartbeatMs);
      }
    });
  }

  private lost(wire: Wire, error: DteError): void {
    if (this.wire !== wire || this.isOver()) return;
    wire.closeClient();
    if (error.severity === 'fatal') {
      this.enter({ name: 'failed', error });
      return;
    }
    this.enter({ name: 'connecting', lastError: error, unreached: null });
    if (!this.isOver()) this.later(this.backoff.nextMs(), () => this.tryOnce());
  }

  private later(ms: number, action: () => void): void {
    this.timers.push(setTimeout(() => this.options.whenAwake(action), ms));
  }
}
