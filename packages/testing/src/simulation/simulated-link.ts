import type { FakeClock } from './fake-clock';
import type { SeededRandom } from './seeded-random';

/** How bad the network is. Each message gets its own random delay, so messages overtake each other. */
export interface Weather {
  /** Probability that a message is lost. */
  loss: number;
  /** Probability that a message arrives twice. */
  duplication: number;
  maxDelayMs: number;
}

export const CLEAR_WEATHER: Weather = { loss: 0, duplication: 0, maxDelayMs: 5 };

/** What the parts of a simulation share. */
export interface World {
  readonly clock: FakeClock;
  readonly random: SeededRandom;
  /** May change at any time. */
  weather: Weather;
}

/** One end of a connection. */
export interface LinkEnd<T> {
  onMessage(message: T): void;
  onClosed(): void;
}

/** A connection between a client and the coordinator that loses, delays and duplicates messages. */
export class SimulatedLink<Up, Down> {
  #open = true;
  server: LinkEnd<Up> | null = null;

  constructor(
    private readonly world: World,
    private readonly client: LinkEnd<Down>,
  ) {}

  get isOpen(): boolean {
    return this.#open;
  }

  sendUp(message: Up): void {
    this.#send(message, (copy) => this.server?.onMessage(copy));
  }

  sendDown(message: Down): void {
    this.#send(message, (copy) => this.client.onMessage(copy));
  }

  /** Closes the connection. Each end notices after its own delay, and messages in transit are lost. */
  break(): void {
    if (!this.#open) return;
    this.#open = false;
    const { clock, random, weather } = this.world;
    clock.setTimeout(() => this.server?.onClosed(), random.int(0, 10 * weather.maxDelayMs));
    clock.setTimeout(() => this.client.onClosed(), random.int(0, 10 * weather.maxDelayMs));
  }

  #send<T>(message: T, deliver: (copy: T) => void): void {
    const { clock, random, weather } = this.world;
    const text = JSON.stringify(message);
    const copies = random.chance(weather.loss) ? 0 : random.chance(weather.duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      clock.setTimeout(
        () => {
          if (this.#open) deliver(JSON.parse(text) as T);
        },
        random.int(0, weather.maxDelayMs),
      );
    }
  }
}
