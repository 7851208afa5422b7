import type { SeededRandom } from '@org/dte-testing';

/** How bad the network is. Delays are drawn for each frame, so frames may overtake each other. */
export interface Weather {
  /** Probability that a frame is lost. */
  readonly loss: number;
  /** Probability that a frame arrives twice. */
  readonly duplication: number;
  readonly maxDelayMs: number;
  readonly reorders: boolean;
}

export const CLEAR: Weather = { loss: 0, duplication: 0, maxDelayMs: 5, reorders: false };

export type Direction = 'up' | 'down';

/** Between the clients and the coordinator. Each client has one path, for its whole life. */
export class Network {
  weather: Weather = CLEAR;
  private readonly cuts = new Map<string, number>();
  private readonly arrivals = new Map<string, number>();

  constructor(readonly random: SeededRandom) {}

  /** Nothing gets through until `mend`. Each direction is cut separately. */
  cut(path: string, direction: Direction): void {
    const key = `${path} ${direction}`;
    this.cuts.set(key, (this.cuts.get(key) ?? 0) + 1);
  }

  mend(path: string, direction: Direction): void {
    const key = `${path} ${direction}`;
    this.cuts.set(key, Math.max(0, (this.cuts.get(key) ?? 0) - 1));
  }

  mendAll(): void {
    this.cuts.clear();
    this.weather = CLEAR;
  }

  isCut(path: string, direction: Direction): boolean {
    return (this.cuts.get(`${path} ${direction}`) ?? 0) > 0;
  }

  /** @returns false if the frame was lost completely */
  carry(path: string, direction: Direction, deliver: () => void): boolean {
    const { random, weather } = this;
    if (this.isCut(path, direction) || random.chance(weather.loss)) return false;
    const copies = random.chance(weather.duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) this.arrive(`${path} ${direction}`, deliver);
    return true;
  }

  delayMs(): number {
    return this.random.int(0, this.weather.maxDelayMs);
  }

  private arrive(key: string, deliver: () => void): void {
    const drawnMs = Date.now() + this.delayMs();
    const atMs = this.weather.reorders ? drawnMs : Math.max(drawnMs, this.arrivals.get(key) ?? 0);
    this.arrivals.set(key, atMs);
    setTimeout(deliver, atMs - Date.now());
  }
}

/** One end of a connection. */
export interface WireEnd {
  onFrame(frame: string): void;
  /**
   * This end has noticed that the other end is gone.
   * @param isFinal it has said that it does not come back
   */
  onClosed(isFinal: boolean): void;
}

/**
 * One connection, with the behaviour of TCP: only an end that can be reached notices that it is closed. Single frames of an
 * agent may be lost, because each frame is complete. Frames of a main job depend on each other, and TCP loses none of them
 * while the connection lasts: after a lost frame, nothing else arrives.
 */
export class Wire {
  client: WireEnd | null = null;
  server: WireEnd | null = null;
  private readonly stalled = new Set<Direction>();

  constructor(
    private readonly network: Network,
    readonly path: string,
    private readonly losesSingly: boolean,
  ) {}

  sendUp(frame: string): void {
    if (this.client !== null) this.send('up', frame);
  }

  sendDown(frame: string): void {
    if (this.server !== null) this.send('down', frame);
  }

  /** The client closes it. `silently`: without notice, as when its machine loses power. `finally`: it will not come back. */
  closeClient(how: 'silently' | 'finally' | null = null): void {
    if (this.client === null) return;
    this.client = null;
    if (how !== 'silently') this.tell('up', () => this.server, how === 'finally');
  }

  closeServer(silently = false): void {
    if (this.server === null) return;
    this.server = null;
    if (!silently) this.tell('down', () => this.client, false);
  }

  private send(direction: Direction, frame: string): void {
    if (this.stalled.has(direction)) return;
    const to = (): WireEnd | null => (direction === 'up' ? this.server : this.client);
    const isCarried = this.network.carry(this.path, direction, () => to()?.onFrame(frame));
    if (!isCarried && !this.losesSingly) this.stalled.add(direction);
  }

  /** A frame to an end that is gone is answered with a reset, unless the path is cut. */
  private tell(direction: Direction, end: () => WireEnd | null, isFinal: boolean): void {
    if (this.stalled.has(direction) || this.network.isCut(this.path, direction)) return;
    setTimeout(() => end()?.onClosed(isFinal), 2 * this.network.delayMs());
  }
}
