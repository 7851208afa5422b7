import type { Socket } from 'node:net';
import type { LimitValues } from '@org/dte-protocol';
import { neighbourhoodOf } from './neighbourhood';

/** The part of a socket that is used; a TLS socket and the plain one below it report the same values. */
type Ends = Pick<Socket, 'remoteAddress' | 'remotePort'>;

interface Stranger {
  readonly socket: Socket;
  readonly key: string;
  readonly from: string;
  readonly timer: NodeJS.Timeout;
}

export interface StrangersOptions {
  readonly limits: Pick<LimitValues, 'strangersPerCoordinator' | 'strangersPerAddress' | 'strangerMs'>;
  /** Number of connections for which this process has file descriptors; null: unknown. */
  readonly room: number | null;
  /** Called with the address of each connection that was evicted for another. */
  readonly onEvicted: (address: string) => void;
}

/** Share of the file descriptors for unauthenticated connections; the rest is for authenticated clients, journals and artifacts. A part of the limit `strangersPerCoordinator`. */
const SHARE_OF_ROOM = 0.25;

/**
 * The TCP connections that are not authenticated yet: silent, in the middle of TLS or of their headers, WebSockets
 * before their hello, or HTTP without a valid token. Each has a time limit, and their number is limited. A new
 * connection is never rejected for lack of room: instead, the oldest one of the address with the most is evicted. So a
 * client that holds as many as possible blocks nobody who authenticates faster than it can refill the connections.
 */
export class Strangers {
  private readonly byKey = new Map<string, Stranger>();
  /** Oldest first. */
  private readonly byAddress = new Map<string, Set<Stranger>>();
  private readonly most: number;
  private readonly mostOfOne: number;

  constructor(private readonly options: StrangersOptions) {
    const { limits, room } = options;
    const affordable = room === null ? Infinity : Math.max(1, Math.floor(room * SHARE_OF_ROOM));
    this.most = Math.min(limits.strangersPerCoordinator, affordable);
    this.mostOfOne = Math.min(limits.strangersPerAddress, this.most);
  }

  get size(): number {
    return this.byKey.size;
  }

  /** A connection was accepted: the plain socket, even if TLS follows. */
  enter(socket: Socket): void {
    const key = keyOf(socket);
    // It is already closed.
    if (key === null) return;
    const from = neighbourhoodOf(socket.remoteAddress ?? '');
    // Data that has arrived in the meantime is processed first: perhaps this process was busy, not the other side.
    const late = (): void => void setImmediate(() => this.cutOff(stranger));
    const timer = setTimeout(late, this.options.limits.strangerMs);
    const stranger: Stranger = { socket, key, from, timer };
    // The close event of a reset connection arrives after the next connection from the same port. Destroying a socket
    // twice does no harm, but a partly removed entry would stay the oldest of its address forever.
    const before = this.byKey.get(key);
    if (before !== undefined) this.cutOff(before);
    this.byKey.set(key, stranger);
    const others = this.byAddress.get(from) ?? new Set();
    this.byAddress.set(from, others.add(stranger));
    socket.once('close', () => this.forget(stranger));
    if (others.size > this.mostOfOne) this.evict(others);
    else if (this.size > this.most) this.evict(this.largest());
  }

  /** It has authenticated, so it is no longer a stranger. */
  authenticated(socket: Ends): void {
    const key = keyOf(socket);
    const stranger = key === null ? undefined : this.byKey.get(key);
    if (stranger !== undefined) this.forget(stranger);
  }

  private evict(group: ReadonlySet<Stranger>): void {
    const [oldest] = group;
    if (oldest === undefined) return;
    this.cutOff(oldest);
    this.options.onEvicted(oldest.from);
  }

  private cutOff(stranger: Stranger): void {
    if (this.byKey.get(stranger.key) !== stranger) return;
    this.forget(stranger);
    stranger.socket.destroy();
  }

  private forget(stranger: Stranger): void {
    if (this.byKey.get(stranger.key) !== stranger) return;
    clearTimeout(stranger.timer);
    this.byKey.delete(stranger.key);
    const others = this.byAddress.get(stranger.from);
    others?.delete(stranger);
    if (others?.size === 0) this.byAddress.delete(stranger.from);
  }

  private largest(): ReadonlySet<Stranger> {
    let largest: ReadonlySet<Stranger> = new Set();
    for (const group of this.byAddress.values()) if (group.size > largest.size) largest = group;
    return largest;
  }
}

/** A port has at most one connection from the same address and port at a time. */
const keyOf = ({ remoteAddress, remotePort }: Ends): string | null =>
  remoteAddress === undefined || remotePort === undefined ? null : `${remoteAddress} ${remotePort}`;
