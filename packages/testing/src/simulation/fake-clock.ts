interface Timer {
  readonly atMs: number;
  readonly id: number;
  readonly run: () => void;
}

/** A clock that stands still until it is told to move, and then runs what is due, in order. */
export class FakeClock {
  #nowMs: number;
  #nextId = 1;
  readonly #timers = new Map<number, Timer>();

  constructor(startMs = 0) {
    this.#nowMs = startMs;
  }

  readonly now = (): number => this.#nowMs;

  /** Timers not yet run or cleared; a test that is over leaves none behind. */
  get pending(): number {
    return this.#timers.size;
  }

  setTimeout(run: () => void, delayMs: number): number {
    const id = this.#nextId++;
    this.#timers.set(id, { atMs: this.#nowMs + Math.max(0, delayMs), id, run });
    return id;
  }

  clearTimeout(id: number): void {
    this.#timers.delete(id);
  }

  /** Moves to the next timer and runs it; false when there is none up to `untilMs`. */
  runNext(untilMs = Infinity): boolean {
    let next: Timer | undefined;
    for (const timer of this.#timers.values()) {
      if (next === undefined || timer.atMs < next.atMs || (timer.atMs === next.atMs && timer.id < next.id)) {
        next = timer;
      }
    }
    if (next === undefined || next.atMs > untilMs) return false;
    this.#timers.delete(next.id);
    this.#nowMs = Math.max(this.#nowMs, next.atMs);
    next.run();
    return true;
  }

  /** Lets time pass, running every timer on the way, those set meanwhile included. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    while (this.runNext(untilMs));
    this.#nowMs = untilMs;
  }
}
