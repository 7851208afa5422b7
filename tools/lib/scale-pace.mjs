// When the tasks of `npm run bench -- scale --rate=…` end: at instants that are fixed before the run, whatever the coordinator does
// meanwhile (an open loop). A coordinator that stalls for a second is late for all that ends in that second, and each of
// these is measured from the instant at which it had to end, not from when the stall let it.

/** The wall clock in ms, finer than `Date.now()`: several processes compare it. */
export const wallMs = () => performance.timeOrigin + performance.now();

/**
 * The slot of one agent. Its tasks end at `startMs` and every `agents / rate` seconds after that until `endMs`, each agent
 * a little after the one before it, so that together they end `rate` tasks a second.
 */
export class PacedSlot {
  schedule = new Promise((resolve) => (this.follow = resolve));
  freeSinceMs = null;

  /** @param {(waitedMs: number) => void} onWaited how long the slot had been free when it got its next task */
  constructor(onWaited) {
    this.onWaited = onWaited;
  }

  /** It has a task. */
  began() {
    if (this.freeSinceMs !== null) this.onWaited(wallMs() - this.freeSinceMs);
    this.freeSinceMs = null;
  }

  /** Resolves when the task that it has is to end: after the schedule, at once. */
  async toEnd() {
    const { startMs, endMs, rate, agents, index } = await this.schedule;
    const periodMs = (agents * 1000) / rate;
    this.nextMs ??= startMs + (periodMs * index) / agents;
    if (this.nextMs >= endMs) return;
    const atMs = this.nextMs;
    this.nextMs += periodMs;
    const isLate = wallMs() > atMs;
    if (!isLate) await new Promise((resolve) => setTimeout(resolve, atMs - wallMs()));
    // What a timer of this process is late is not the fault of the coordinator; a task that came too late is.
    this.freeSinceMs = isLate ? atMs : wallMs();
  }
}
