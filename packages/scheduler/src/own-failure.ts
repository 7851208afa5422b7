import type { ErrorCode, FinishedAttempt } from '@org/dte-protocol';

/** Failures of the task that dte, and not the task, has to explain: they would be the same on other agents. */
const EXPLAINED: readonly ErrorCode[] = ['DTE_TASK_TIMEOUT', 'DTE_SERVER_FAILED'];

/**
 * Whether a failure is caused by the task. One with any other reason is caused by the agent: the task is retried on another
 * agent.
 */
export const isOwnFailure = ({ status, reason }: FinishedAttempt): boolean =>
  status === 'failure' && (reason === null || EXPLAINED.includes(reason.code));
