import type { ErrorCode, FinishedAttempt } from '@org/dte-protocol';

/** Failures of the task that we, and not the task, have to explain: they would be the same elsewhere. */
const EXPLAINED: readonly ErrorCode[] = ['DTE_TASK_TIMEOUT', 'DTE_SERVER_FAILED'];

/**
 * Whether a failure says something about the task. One with any other reason says something about the agent: the task
 * is tried elsewhere.
 */
export const isOwnFailure = ({ status, reason }: FinishedAttempt): boolean =>
  status === 'failure' && (reason === null || EXPLAINED.includes(reason.code));
