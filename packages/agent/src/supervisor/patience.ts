import { type LimitValues, LIMITS } from '@org/dte-protocol';
import { LONGEST_TIMER_MS } from '../executor/time-limit';

/** Timeouts for what executors should do by themselves; one timer for each. */
export class Patience {
  private readonly timers = new Map<number, NodeJS.Timeout>();

  /** @param kill kills an executor with all its child processes */
  constructor(
    private readonly limits: Pick<LimitValues, 'killMs' | 'timeoutSettleMs'>,
    private readonly kill: (executorId: number) => void,
  ) {}

  /** It was asked to stop its attempt. If it hangs itself, it is killed with all its child processes. */
  stopping(executorId: number): void {
    this.calm(executorId);
    this.set(executorId, this.limits.killMs + LIMITS.executorStopMs.value, () => this.kill(executorId));
  }

  /** It stops what runs longer than `timeoutMs`. @param onOver called if it did not */
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
