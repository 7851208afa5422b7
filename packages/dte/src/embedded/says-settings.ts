import type { Located } from './locate';

/**
 * Whether an nx command opens the session, by saying its settings: that begins a finished one anew. Otherwise `dte
 * start-ci-run` has, or an earlier command of the same job: once that has let its agents go nobody would come again,
 * and a session opened again would only be waited for.
 * @param jobId that of this job; unknown outside of CI
 * @param isFinished asks the coordinator
 */
export async function saysSettings(
  { started, previous }: Pick<Located, 'started' | 'previous'>,
  jobId: string | undefined,
  isFinished: () => Promise<boolean>,
): Promise<boolean> {
  const before = previous?.jobId;
  if (jobId !== undefined && before === jobId) return false;
  if (started) return true;
  // The coordinator of this job's last try may not have left yet.
  return jobId !== undefined && before !== undefined && isFinished();
}
