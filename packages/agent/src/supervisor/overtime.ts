import { type Assignment, type AttemptResult, type FinishedAttempt, type Reason } from '@org/dte-protocol';
import { batchTimeoutReason, timeoutReason } from '../executor/time-limit';

export interface Overtime {
  readonly startMs: number;
  readonly endMs: number;
  readonly timeoutMs: number;
  readonly agentName: string;
}

/**
 * What happened to an attempt that ran too long in an executor that did not end it, and was ended with it: nothing of it is
 * known and nothing is stored, also of the tasks of a batch.
 */
export function overtime(
  { taskId, hash, members }: Assignment,
  { startMs, endMs, timeoutMs, agentName }: Overtime,
): AttemptResult {
  const failed = (ofTask: string | null, reason: Reason): FinishedAttempt => ({
    kind: 'finished',
    status: 'failure',
    code: 1,
    fromCache: null,
    hash: ofTask,
    hashDetails: null,
    artifact: { kind: 'none' },
    startMs,
    endMs,
    reason,
  });
  if (members === undefined) return failed(hash, timeoutReason(taskId, timeoutMs, agentName));
  return {
    kind: 'batch',
    members: members.map((member) => ({
      taskId: member.taskId,
      result: failed(member.hash, batchTimeoutReason(member.taskId, members.length, agentName)),
    })),
    log: '',
  };
}
