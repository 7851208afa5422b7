import type { SessionSettings } from '@org/dte-protocol';
import type { Config } from './schema';

/**
 * The part of the configuration that is sent to a session's coordinator.
 * @param jobId of the CI job that sends it
 * @param held whether a process of that job stays connected while the job runs
 */
export const settingsOf = (
  { stopAgentsAfter, stopAgentsOnFailure, requireExplicitCompletion, releaseAgentsEarly }: Config,
  jobId: string | undefined,
): SessionSettings => ({
  stopAgentsAfter,
  stopAgentsOnFailure,
  requireExplicitCompletion,
  ...(releaseAgentsEarly ? { releaseEarly: true } : {}),
  ...(jobId === undefined ? {} : { openedBy: jobId }),
});
