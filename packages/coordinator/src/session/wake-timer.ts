/** The longest delay of a timer in Node. A fact, no limit. */
const MAX_DELAY_MS = 2 ** 31 - 1;
/** A deadline that has already passed must not become a busy loop. No limit: nobody waits for it. */
const MIN_DELAY_MS = 5;

/**
 * One timer for the next deadline. Deadlines mostly move later (every heartbeat renews leases). In that case the timer
 * keeps running and checks again when it fires, instead of being set again at every step.
 */
export class WakeTimer {
  private timer: NodeJS.Timeout | null = null;
  private firesAtMs = Infinity;
  private wakeAtMs: number | null = null;

  constructor(
    private readonly now: () => number,
    private readonly onDue: () => void,
  ) {}

  set(wakeAtMs: number | null): void {
    this.wakeAtMs = wakeAtMs;
    if (wakeAtMs !== null && wakeAtMs < this.firesAtMs) this.arm(wakeAtMs);
  }

  clear(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.firesAtMs = Infinity;
    this.wakeAtMs = null;
  }

  private arm(atMs: number): void {
    if (this.timer !== null) clearTimeout(this.timer);
    const delayMs = Math.min(MAX_DELAY_MS, Math.max(MIN_DELAY_MS, atMs - this.now()));
    this.firesAtMs = this.now() + delayMs;
    this.timer = setTimeout(() => this.fire(), delayMs);
    this.timer.unref();
  }

  private fire(): void {
    this.timer = null;
    this.firesAtMs = Infinity;
    const { wakeAtMs } = this;
    if (wakeAtMs === null) return;
    if (wakeAtMs > this.now()) this.arm(wakeAtMs);
    else this.onDue();
  }
}
