import type { Socket } from 'node:net';
import type { LimitValues } from '@org/dte-protocol';
import { neighbourhoodOf } from './neighbourhood';

/** What is asked of a socket; that of TLS and the plain one below it say the same. */
type Ends = Pick<Socket, 'remoteAddress' | 'remotePort'>;

interface Stranger {
  readonly socket: Socket;
  readonly key: string;
  readonly from: string;
  readonly timer: NodeJS.Timeout;
}

export interface StrangersOptions {
  readonly limits: Pick<LimitValues, 'strangersPerCoordinator' | 'strangersPerAddress' | 'strangerMs'>;
  /** Connections that this process has file descriptors for; null: not known. */
  readonly room: number | null;
  /** Called for each one that was evicted for another, with its address. */
  readonly onEvicted: (address: string) => void;
}

/** Share of the file descriptors for unauthenticated connections; the rest is for authenticated clients, journals and artifacts. A part of the limit `strangersPerCoordinator`. */
const SHARE_OF_ROOM = 0.25;

/**
 * The TCP connections that are not authenticated yet, be they silent, in the middle of TLS or of their headers,
 * WebSockets before their hello, or HTTP without a good token. Each has its time, and all of them are bounded. Who comes when
 * there is no room is never rejected: the oldest stranger of the address that has most is cut off for it. So whoever
 * holds as many as he can holds the door shut for nobody who needs less time than he takes to fill it again.
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

  /** A connection was accepted: the plain socket, also where TLS is to come. */
  enter(socket: Socket): void {
    const key = keyOf(socket);
    // It is gone again already.
    if (key === null) return;
    const from = neighbourhoodOf(socket.remoteAddress ?? '');
    // What has come meanwhile is checked first: this process may have been busy, and not the other side.
    const late = (): void => void setImmediate(() => this.cutOff(stranger));
    const timer = setTimeout(late, this.options.limits.strangerMs);
    const stranger: Stranger = { socket, key, from, timer };
    // Of a connection that was reset we hear after the next one from the same port: a socket that is cut off twice does no harm,
    // and one that is forgotten in part would be the oldest of its address forever.
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

/** One port has one connection from the same address and port at a time. */
const keyOf = ({ remoteAddress, remotePort }: Ends): string | null =>
  remoteAddress === undefined || remotePort === undefined ? null : `${remoteAddress} ${remotePort}`;
