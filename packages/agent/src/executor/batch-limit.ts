import { type TaskSpec } from '@org/dte-protocol';
import { type AttemptHooks } from './run-attempt';
import { TimeLimit } from './time-limit';

/**
 * How long a batch may run: as long as its tasks may one after the other; undefined when one of them may run forever. Its
 * executor says when it begins and ends, not so each task.
 */
export function batchLimitOf(tasks: readonly TaskSpec[]): number | undefined {
  let sumMs = 0;
  for (const { timeoutMs } of tasks) {
    if (timeoutMs === undefined) return undefined;
    sumMs += timeoutMs;
  }
  return sumMs;
}

/** Ends a batch that runs too long. The time counts while a process of its executor works, of which there may be several. */
export class BatchLimit {
  private current: TimeLimit | null = null;
  private beganMs = 0;
  private over = false;

  /** @param leftMs undefined: none */
  constructor(
    private leftMs: number | undefined,
    private readonly stop: () => Promise<void>,
    private readonly hooks: Pick<AttemptHooks, 'onExecuting' | 'onRan'>,
  ) {}

  /** The batch was ended because of it. */
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
