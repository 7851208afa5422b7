import { LIMITS } from '@org/dte-protocol';

/** When the state of an agent is said: once for all that changes at one moment. */
export class SyncSchedule {
  private due: NodeJS.Immediate | null = null;
  private soon: NodeJS.Timeout | null = null;

  constructor(private readonly sync: () => void) {}

  /** The coordinator waits for it: in this turn of the event loop. */
  now(): void {
    this.due ??= setImmediate(this.sync);
  }

  /** Nobody waits for it. Of a task that is over in a moment only its result is said. */
  later(): void {
    this.soon ??= setTimeout(this.sync, LIMITS.syncDelayMs.value);
  }

  /** What was due has been said, or never will be. */
  clear(): void {
    if (this.due !== null) clearImmediate(this.due);
    if (this.soon !== null) clearTimeout(this.soon);
    this.due = null;
    this.soon = null;
  }
}
