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
  /** When tasks ended for which none has come yet, oldest first: an agent holds several, so more than one may have ended. */
  freeSinceMs = [];

  /** @param {(waitedMs: number) => void} onWaited how long the slot had been free when it got its next task */
  constructor(onWaited) {
    this.onWaited = onWaited;
  }

  /** It has a task. */
  began() {
    const sinceMs = this.freeSinceMs.shift();
    if (sinceMs !== undefined) this.onWaited(wallMs() - sinceMs);
  }

  /** Resolves when the task that it has is to end: after the schedule, at its end. */
  async toEnd() {
    const { startMs, endMs, rate, agents, index } = await this.schedule;
    const periodMs = (agents * 1000) / rate;
    this.nextMs ??= startMs + (periodMs * index) / agents;
    const atMs = Math.min(this.nextMs, endMs);
    this.nextMs += periodMs;
    const isLate = wallMs() > atMs;
    if (!isLate) await new Promise((resolve) => setTimeout(resolve, atMs - wallMs()));
    // What a timer of this process is late is not the fault of the coordinator; a task that came too late is.
    if (atMs < endMs) this.freeSinceMs.push(isLate ? atMs : wallMs());
  }
}
