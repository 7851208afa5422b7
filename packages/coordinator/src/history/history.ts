import type { FlakyTask } from '@org/dte-protocol';

/** A task that really ran to its end: not from a cache, not stopped, no failure of ours. */
export interface Evidence {
  readonly taskId: string;
  readonly hash: string;
  readonly status: 'success' | 'failure';
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

/**
 * Port: what happened to the tasks of a project in the pipelines of the last days. Best effort on purpose: whoever asks must
 * be able to do without an answer, and evidence that is lost costs a second try of a flaky task at most.
 */
export interface TaskHistory {
  /**
   * Keeps evidence; it counts from the next call on.
   * @param project as `projectOf` names it; letters, digits, dot, dash and underscore
   */
  note(project: string, evidence: readonly Evidence[]): Promise<void>;
  /**
   * The tasks that failed and succeeded with one hash and whose latest evidence of that is younger than `flakyMs`, the
   * latest first. A success after a success says nothing new, so that a task that has become reliable is forgotten.
   */
  flaky(project: string, nowMs: number): Promise<readonly FlakyTask[]>;
  /** Waits for what is being written. */
  close(): Promise<void>;
}

/**
 * The project whose pipelines share a history: what is before the pipeline in a session's key. In GitLab sessions that is
 * the project's id (with that of the instance where id tokens prove both); a session named otherwise is its own.
 */
export const projectOf = (sessionKey: string): string => sessionKey.replace(/-[0-9]+(?:-.*)?$/, '');
