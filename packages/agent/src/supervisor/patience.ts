import { type LimitValues, LIMITS } from '@org/dte-protocol';
import { LONGEST_TIMER_MS } from '../executor/time-limit';

/** How long executors get for what they should do by themselves; one timer for each. */
export class Patience {
  private readonly timers = new Map<number, NodeJS.Timeout>();

  /** @param kill ends an executor with everything below it */
  constructor(
    private readonly limits: Pick<LimitValues, 'killMs' | 'timeoutSettleMs'>,
    private readonly kill: (executorId: number) => void,
  ) {}

  /** It has been asked to stop its attempt. It may hang itself; then it goes with everything below it. */
  stopping(executorId: number): void {
    this.calm(executorId);
    this.set(executorId, this.limits.killMs + LIMITS.executorStopMs.value, () => this.kill(executorId));
  }

  /** It ends what runs longer than `timeoutMs`. @param onOver called when it did not */
  running(executorId: number, timeoutMs: number, onOver: () => void): void {
    const { killMs, timeoutSettleMs } = this.limits;
    this.set(executorId, Math.min(timeoutMs + killMs + timeoutSettleMs, LONGEST_TIMER_MS), onOver);
  }

  calm(executorId: number): void {
    clearTimeout(this.timers.get(executorId));
    this.timers.delete(executorId);
  }

  close(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
  }

  private set(executorId: number, ms: number, then: () => void): void {
    this.timers.set(executorId, setTimeout(then, ms));
  }
}
