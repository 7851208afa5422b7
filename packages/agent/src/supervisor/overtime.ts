import { type Assignment, type AttemptResult, type FinishedAttempt, type Reason } from '@org/dte-protocol';
import { type Attempt } from './reconcile';
import { batchTimeoutReason, timeoutReason } from '../executor/time-limit';

export interface Overtime {
  readonly startMs: number;
  readonly endMs: number;
  readonly timeoutMs: number;
  readonly agentName: string;
}

/**
 * The result of an attempt that ran too long in an executor that did not stop it, and was killed with it: nothing about
 * it is known and nothing is stored, not even for the tasks of a batch.
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

/** The same for an attempt that runs now; null if it does not. */
export function overtimeNow(
  { assignment, state }: Attempt,
  timeoutMs: number,
  agentName: string,
): AttemptResult | null {
  if (state.name !== 'running') return null;
  const endMs = Date.now();
  return overtime(assignment, { startMs: state.startMs ?? endMs, endMs, timeoutMs, agentName });
}
