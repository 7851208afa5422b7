import type { SessionStatus } from '@org/dte-protocol';
import type { Located } from './locate';

/**
 * Whether an nx command opens the session by sending its settings, which reopens a finished one. Otherwise, `dte
 * start-ci-run` did, or an earlier command of the same job: after that has released its agents, none would return, and
 * commands would wait in a reopened session without effect.
 * @param jobId of this job; unknown outside CI
 * @param status asks the coordinator
 */
export async function saysSettings(
  { started, previous }: Pick<Located, 'started' | 'previous'>,
  jobId: string | undefined,
  status: () => Promise<Pick<SessionStatus, 'state' | 'settings'>>,
): Promise<boolean> {
  const before = previous?.jobId;
  if (jobId !== undefined && before === jobId) return false;
  if (started) return true;
  if (jobId === undefined) return false;
  const { state, settings } = await status();
  const isFinished = state === 'finished';
  // The coordinator of this job's last try may still run.
  if (before !== undefined) return isFinished;
  // If the address is configured (a standalone coordinator), the session itself knows its job.
  const { openedBy } = settings;
  return openedBy !== jobId && (isFinished || openedBy === undefined);
}
