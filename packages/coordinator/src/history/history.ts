import type { FlakyTask } from '@org/dte-protocol';

/** A task that really ran to its end: not from a cache, not stopped, no failure caused by dte. */
export interface Evidence {
  readonly taskId: string;
  readonly hash: string;
  readonly status: 'success' | 'failure';
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

/**
 * Port: the results of a project's tasks in the pipelines of the last days. Deliberately best effort: callers must work
 * without an answer, and lost evidence costs at most one retry of a flaky task.
 */
export interface TaskHistory {
  /**
   * Stores evidence; the next call takes it into account.
   * @param project as `projectOf` returns it; letters, digits, dot, dash and underscore
   */
  note(project: string, evidence: readonly Evidence[]): Promise<void>;
  /**
   * The tasks that failed and succeeded with the same hash, with evidence younger than `flakyMs`, the latest first. A
   * success after a success adds nothing, so a task that has become reliable drops out.
   */
  flaky(project: string, nowMs: number): Promise<readonly FlakyTask[]>;
  /** Waits until pending writes are done. */
  close(): Promise<void>;
}
