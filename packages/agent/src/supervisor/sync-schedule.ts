import { LIMITS } from '@org/dte-protocol';

/** When an agent reports its state: once for all changes at one moment. */
export class SyncSchedule {
  private due: NodeJS.Immediate | null = null;
  private soon: NodeJS.Timeout | null = null;

  constructor(private readonly sync: () => void) {}

  /** The coordinator waits for it: in this turn of the event loop. */
  now(): void {
    this.due ??= setImmediate(this.sync);
  }

  /** Not urgent. For a very short task, only its result is reported. */
  later(): void {
    this.soon ??= setTimeout(this.sync, LIMITS.syncDelayMs.value);
  }

  /** The pending report was sent, or never will be. */
  clear(): void {
    if (this.due !== null) clearImmediate(this.due);
    if (this.soon !== null) clearTimeout(this.soon);
    this.due = null;
    this.soon = null;
  }
}
