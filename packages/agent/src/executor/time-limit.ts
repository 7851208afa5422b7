import { type TaskRun } from '@org/dte-nx-compat';
import { type FinishedAttempt, type Reason, type TaskSpec } from '@org/dte-protocol';

/** The longest delay of a timer in Node: a longer one would fire at once. Not configurable: 24 days have the same effect as no limit. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Stops a task that runs too long: `taskTimeoutMs`. */
export class TimeLimit {
  private timer: NodeJS.Timeout | null = null;
  private over = false;

  /**
   * @param limitMs undefined: no limit; the time starts now
   * @param onEnd called at the first `end` if there is a limit
   */
  constructor(
    limitMs: number | undefined,
    stop: () => Promise<void>,
    private readonly onEnd: () => void,
  ) {
    if (limitMs === undefined) return;
    this.timer = setTimeout(
      () => {
        this.over = true;
        void stop();
      },
      Math.min(limitMs, LONGEST_TIMER_MS),
    );
  }

  /** The task was stopped because of it. */
  get isOver(): boolean {
    return this.over;
  }

  end(): void {
    if (this.timer === null) return;
    clearTimeout(this.timer);
    this.timer = null;
    this.onEnd();
  }
}

/** Names the limit, where it is set and what enforced it. */
export const timeoutReason = (taskId: string, limitMs: number, agentName: string): Reason => ({
  code: 'DTE_TASK_TIMEOUT',
  message: `${taskId} ran on ${agentName} for longer than ${limitMs} ms (option taskTimeoutMs) and was stopped together with its child processes.`,
});

/** The same for a task of a batch, whose tasks share the sum of their limits. @param count tasks of the batch */
export const batchTimeoutReason = (taskId: string, count: number, agentName: string): Reason => ({
  code: 'DTE_TASK_TIMEOUT',
  message: `${taskId} had not finished when its batch of ${count} exceeded the total time limit of its tasks on ${agentName} (option taskTimeoutMs). The batch was stopped together with its child processes.`,
});

/**
 * The result of a task that was stopped for running too long: its own failure. Also if it exited with 0 after the
 * signal, because half of its work is not a success.
 */
export const timedOut = (
  { agentName }: { readonly agentName: string },
  task: TaskSpec,
  run: TaskRun,
): Omit<FinishedAttempt, 'artifact'> => ({
  kind: 'finished',
  status: 'failure',
  code: run.code === 0 ? 1 : run.code,
  fromCache: null,
  hash: run.hash === '' ? null : run.hash,
  startMs: run.startMs,
  endMs: run.endMs,
  hashDetails: null,
  reason: timeoutReason(task.id, task.timeoutMs ?? 0, agentName),
});
