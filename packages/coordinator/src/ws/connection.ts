import { newNonce } from '@org/dte-identity';
import {
  CLOSE_CODES,
  decodeFirst,
  DteError,
  encode,
  type ErrorCode,
  type Hello,
  helloSchema,
  type LimitValues,
  LIMITS,
  type Message,
} from '@org/dte-protocol';
import type { Logger } from 'pino';
import type { RawData, WebSocket } from 'ws';
import type { CacheGrant } from '../auth/cache-grant';
import type { FailedHandshakes } from '../door/failed-handshakes';
import { Throttle } from '../door/throttle';
import type { Member } from '../session/member';
import { nameOf, type Peer } from '../session/peer';
import { claimedSession } from './claimed-session';
import { type Gatekeeper, makeChallenge, type Origin } from './gatekeeper';

/**
 * State of a connection. `enter` is the only way from one state to the next, and frees what the old state owned.
 * - greeting: the challenge is sent, the hello is expected
 * - checking: the hello is being checked; the client must not send anything
 * - member: joined
 * - held: rejected; the reason is sent after a delay
 * - ending: the reason is sent, the close handshake is in progress
 */
type State =
  | { readonly name: 'greeting'; readonly timer: NodeJS.Timeout }
  | { readonly name: 'checking'; readonly timer: null }
  | { readonly name: 'member'; readonly member: Member; readonly timer: NodeJS.Timeout }
  | { readonly name: 'held'; readonly timer: NodeJS.Timeout }
  | { readonly name: 'ending'; readonly timer: NodeJS.Timeout }
  | { readonly name: 'ended'; readonly timer: null; readonly isFinal: boolean };

export interface ConnectionDeps {
  readonly gatekeeper: Gatekeeper;
  readonly limits: LimitValues;
  readonly logger: Logger;
  /** A client was rejected that is authenticated for its session, with the name that it has there. */
  readonly onRefused: (sessionKey: string, name: string, error: DteError) => void;
  /** An unauthenticated client was rejected; `sessionKey` is where this is recorded, null: nowhere. */
  readonly onStranger: (sessionKey: string | null, code: ErrorCode, address: string) => void;
  readonly failures: FailedHandshakes;
  /** Its credentials are valid. */
  readonly onAuthenticated: (connection: Connection) => void;
  readonly onEnded: (connection: Connection) => void;
}

/** One WebSocket, from the challenge to its close. */
export class Connection {
  private readonly origin: Origin;
  private state: State;
  private hello: Hello | null = null;
  /** It knows the secret, if there is one. */
  private proven = false;
  /** Set if its credentials are valid. Until then, nothing that it sends is shown. */
  private sessionKey: string | null = null;
  /** A message has arrived since the last check of the silence timer. */
  private heard = true;
  private asked = false;
  private readonly throttle: Throttle;
  private pause: NodeJS.Timeout | null = null;

  constructor(
    private readonly socket: WebSocket,
    remote: Omit<Origin, 'challenge'>,
    private readonly deps: ConnectionDeps,
  ) {
    const challenge = makeChallenge(newNonce(), remote.channel);
    this.origin = { ...remote, challenge };
    const { handshakeMs, leaseMs, peerBytesPerSecond: bytesPerSecond } = deps.limits;
    this.throttle = new Throttle({ bytesPerSecond, burstBytes: LIMITS.frameBytes.value, leaseMs });
    const late = new DteError(
      'DTE_TIMEOUT',
      `No hello was received within ${handshakeMs} ms (limit handshakeMs).`,
    );
    this.state = { name: 'greeting', timer: setTimeout(() => this.refuse(late), handshakeMs) };
    socket.on('message', (data, isBinary) => this.onMessage(data, isBinary));
    socket.on('pong', () => (this.heard = true));
    socket.on('error', (error) => this.onSocketError(error));
    // Also for the close frame of a client that was told to go; then it has left already.
    socket.on('close', (code) =>
      this.enter({ name: 'ended', timer: null, isFinal: code === CLOSE_CODES.done }),
    );
    this.send(challenge);
  }

  /** Tells the client that the coordinator is closing. The client may connect to another one. */
  goAway(): void {
    this.end(CLOSE_CODES.goingAway, 'closing');
  }

  terminate(): void {
    this.socket.terminate();
  }

  private enter(next: State): void {
    const previous = this.state;
    if (previous.name === 'ended') return;
    if (previous.timer !== null) clearTimeout(previous.timer);
    this.state = next;
    if (previous.name === 'member') previous.member.leave(next.name === 'ended' && next.isFinal);
    if (next.name === 'ended' && this.pause !== null) clearTimeout(this.pause);
    if (next.name === 'ended') this.deps.onEnded(this);
  }

  private onMessage(data: RawData, isBinary: boolean): void {
    this.heard = true;
    this.readOn(this.throttle.take((data as Buffer).length));
    const { state } = this;
    if (state.name === 'held' || state.name === 'ending' || state.name === 'ended') return;
    try {
      if (isBinary) throw this.malformed('sent a binary frame; all messages are text');
      const frame = (data as Buffer).toString('utf8');
      if (state.name === 'greeting') this.onHello(frame);
      else if (state.name === 'member') state.member.receive(frame);
      else throw this.malformed('sent a message before the welcome');
    } catch (thrown) {
      this.refuse(
        this.named(DteError.from(thrown)),
        isBinary ? undefined : (data as Buffer).toString('utf8'),
      );
    }
  }

  /** Continues to read after a pause. A client that sends too much is not disconnected but read more slowly, as on a slow line. */
  private readOn(afterMs: number): void {
    if (afterMs === 0 || this.pause !== null || this.state.name === 'ended') return;
    this.socket.pause();
    this.pause = setTimeout(() => {
      this.pause = null;
      this.heard = true;
      this.socket.resume();
    }, afterMs);
  }

  private onHello(frame: string): void {
    const hello = decodeFirst(helloSchema, frame);
    this.hello = hello;
    this.enter({ name: 'checking', timer: null });
    this.admit(hello).catch((thrown: unknown) => this.onNotAdmitted(hello, DteError.from(thrown)));
  }

  private async admit(hello: Hello): Promise<void> {
    const { origin } = this;
    const { gatekeeper } = this.deps;
    gatekeeper.checkSecret(hello, origin);
    this.proven = true;
    const admission = await gatekeeper.identify(hello, origin);
    this.sessionKey = admission.sessionKey;
    // It may have closed; then nothing can be counted.
    if (this.state.name === 'checking') this.deps.onAuthenticated(this);
    const member = await gatekeeper.admit(admission, this.asPeer(hello, admission.grant), origin);
    if (this.state.name !== 'checking') {
      // It closed during the check.
      member.leave(this.state.name === 'ended' && this.state.isFinal);
      return;
    }
    this.enter({ name: 'member', member, timer: this.watchSilence(member) });
  }

  private onNotAdmitted(hello: Hello, error: DteError): void {
    const { role, name } = hello;
    // These two codes are answers, not rejections: retry later, and no more work.
    const isRefusal = role === 'agent' && error.severity === 'fatal' && error.code !== 'DTE_SESSION_FINISHED';
    if (isRefusal && this.sessionKey !== null) this.deps.onRefused(this.sessionKey, name, error);
    this.refuse(error);
  }

  /** Counts a client that closes without having authenticated. */
  private noteStranger({ code, severity }: DteError, frame?: string): void {
    const sessionId = this.hello?.sessionId ?? (frame === undefined ? null : claimedSession(frame));
    const isNews = sessionId !== null && severity === 'fatal';
    const key = isNews ? this.deps.gatekeeper.claimedKey(sessionId) : null;
    this.deps.onStranger(key, code, this.origin.address);
  }

  private asPeer(hello: Hello, grant: CacheGrant | null): Peer {
    return {
      hello,
      grant,
      send: (message) => this.send(message),
      bufferedBytes: () => this.socket.bufferedAmount,
      dismiss: (error) => this.refuse(error),
      drop: () => this.terminate(),
    };
  }

  private send(message: Message): void {
    if (this.socket.readyState !== this.socket.OPEN) return;
    if (this.socket.bufferedAmount > this.deps.limits.sendBufferBytes) {
      this.deps.logger.warn({ client: this.who(), code: 'DTE_TIMEOUT' }, 'disconnected: it does not read');
      this.terminate();
      return;
    }
    this.socket.send(encode(message));
  }

  /** Sends the reason and closes. A connection in the state `ending` accepts no more messages. */
  private refuse(error: DteError, frame?: string): void {
    const { name } = this.state;
    if (name === 'held' || name === 'ending' || name === 'ended') return;
    const isSigned = this.proven && name === 'checking';
    if (this.sessionKey !== null)
      this.deps.logger.warn({ client: this.who(), code: error.code }, error.message);
    else this.noteStranger(error, frame);
    const isFailure = this.sessionKey === null && error.severity === 'fatal';
    const waitMs = isFailure ? this.deps.failures.add(this.origin.address) : 0;
    if (waitMs === 0) this.sayWhy(error, isSigned);
    else this.enter({ name: 'held', timer: setTimeout(() => this.sayWhy(error, isSigned), waitMs) });
  }

  private sayWhy(error: DteError, isSigned: boolean): void {
    const reason = { code: error.code, message: error.message.slice(0, 4096) };
    const refusal = { type: 'error', reason, fatal: error.severity !== 'retry' } as const;
    const { hello, origin } = this;
    this.send(isSigned && hello !== null ? this.deps.gatekeeper.signed(refusal, hello, origin) : refusal);
    this.end(CLOSE_CODES.refused, error.code);
  }

  private end(code: number, reason: string): void {
    if (this.state.name === 'ending' || this.state.name === 'ended') return;
    this.enter({ name: 'ending', timer: setTimeout(() => this.terminate(), LIMITS.linkCloseMs.value) });
    this.socket.close(code, reason);
  }

  /**
   * If a peer's machine is gone, its socket still looks open. Agents sync at every heartbeat, so silence for a lease
   * ends the connection. A main job may have nothing to send (or be busy hashing), so it is pinged once first.
   */
  private watchSilence(member: Member): NodeJS.Timeout {
    this.heard = false;
    return setInterval(() => {
      if (this.heard) {
        this.heard = false;
        this.asked = false;
      } else if (member.saysHeartbeats || this.asked) {
        this.deps.logger.warn({ client: this.who() }, 'disconnected: no message received');
        this.terminate();
      } else {
        this.asked = true;
        this.socket.ping();
      }
    }, this.deps.limits.leaseMs);
  }

  private onSocketError(error: Error): void {
    // ws has sent the close frame (1009 for an oversized frame, 1007 for invalid UTF-8) and sends nothing more.
    const oversized = 'code' in error && error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';
    const code = oversized ? 'DTE_FRAME_TOO_LARGE' : 'DTE_MALFORMED_MESSAGE';
    const what = oversized
      ? `sent a frame larger than ${(this.sessionKey === null ? LIMITS.helloBytes : LIMITS.frameBytes).value} bytes`
      : `violated the protocol: ${error.message}`;
    if (this.sessionKey !== null)
      this.deps.logger.warn({ client: this.who(), code }, `${this.who()} ${what}.`);
    else if (this.state.name !== 'ending') this.deps.onStranger(null, code, this.origin.address);
    if (this.state.name === 'ended' || this.state.name === 'ending') return;
    this.enter({ name: 'ending', timer: setTimeout(() => this.terminate(), LIMITS.linkCloseMs.value) });
  }

  private who(): string {
    const { hello, sessionKey } = this;
    return hello === null || sessionKey === null ? `A client at ${this.origin.address}` : nameOf(hello);
  }

  private malformed(what: string): DteError {
    return new DteError('DTE_MALFORMED_MESSAGE', `${this.who()} ${what}.`);
  }

  /** The codec does not know the sender of the frame. */
  private named(error: DteError): DteError {
    const { message, code } = error;
    return message.includes(this.who())
      ? error
      : new DteError(code, `${this.who()}: ${message}`, { cause: error });
  }
}
