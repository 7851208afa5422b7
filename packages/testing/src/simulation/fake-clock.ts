interface Timer {
  readonly atMs: number;
  readonly id: number;
  readonly run: () => void;
}

/** A clock that stands still until it is advanced, and then runs what is due, in order. */
export class FakeClock {
  #nowMs: number;
  #nextId = 1;
  readonly #timers = new Map<number, Timer>();

  constructor(startMs = 0) {
    this.#nowMs = startMs;
  }

  readonly now = (): number => this.#nowMs;

  /** Timers that have neither run nor been cleared; a finished test has none. */
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

  /** Advances to the next timer and runs it; false if there is none up to `untilMs`. */
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

  /** Lets time pass and runs every timer that is due, including those set while it runs. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    while (this.runNext(untilMs));
    this.#nowMs = untilMs;
  }
}
