import { type TaskSpec } from '@org/dte-protocol';
import { type AttemptHooks } from './run-attempt';
import { TimeLimit } from './time-limit';

/**
 * Timeout of a batch: the sum of its tasks' limits; undefined if one of them has none. Its executor reports the start
 * and end of the batch, not of each task.
 */
export function batchLimitOf(tasks: readonly TaskSpec[]): number | undefined {
  let sumMs = 0;
  for (const { timeoutMs } of tasks) {
    if (timeoutMs === undefined) return undefined;
    sumMs += timeoutMs;
  }
  return sumMs;
}

/** Stops a batch that runs too long. Time counts while a process of its executor works; there may be several. */
export class BatchLimit {
  private current: TimeLimit | null = null;
  private beganMs = 0;
  private over = false;

  /** @param leftMs undefined: no limit */
  constructor(
    private leftMs: number | undefined,
    private readonly stop: () => Promise<void>,
    private readonly hooks: Pick<AttemptHooks, 'onExecuting' | 'onRan'>,
  ) {}

  /** The batch was stopped because of it. */
  get isOver(): boolean {
    return this.over;
  }

  begin(): void {
    if (this.leftMs === undefined) return;
    this.beganMs = Date.now();
    const stop = (): Promise<void> => {
      this.over = true;
      return this.stop();
    };
    this.current = new TimeLimit(this.leftMs, stop, this.hooks.onRan);
    this.hooks.onExecuting(this.beganMs, this.leftMs);
  }

  end(): void {
    if (this.current === null || this.leftMs === undefined) return;
    this.leftMs = Math.max(1, this.leftMs - (Date.now() - this.beganMs));
    this.current.end();
    this.current = null;
  }
}
