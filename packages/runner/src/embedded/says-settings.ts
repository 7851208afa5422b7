import type { SessionStatus } from '@org/dte-protocol';
import type { Located } from './locate';

/**
 * Whether an nx command opens the session, by saying its settings: that begins a finished one again. Otherwise `dte
 * start-ci-run` has, or an earlier command of the same job: once that has let its agents go nobody would come again,
 * and a session opened again would only be waited for.
 * @param jobId that of this job; unknown outside CI
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
  // The coordinator of this job's last try may not have left yet.
  if (before !== undefined) return isFinished;
  // Where the address was given (a standalone coordinator), the session itself knows whose it is.
  const { openedBy } = settings;
  return openedBy !== jobId && (isFinished || openedBy === undefined);
}
