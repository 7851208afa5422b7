import { DteError, type Rendezvous } from '@org/dte-protocol';
import type { Resolved } from '@org/dte-config';
import type { OwnJob } from '../session/surroundings';
import { coordinatorAnswers } from './alive';
import { jobMarkOf } from './earlier-try';
import { aloneBecause, giveUp, speaksForMainJob } from './give-up';

export interface TellOptions {
  readonly resolved: Resolved;
  readonly job: OwnJob | null;
  readonly rendezvous: Rendezvous;
  readonly sessionId: string;
}

/**
 * Like `giveUp`, but errors of the rendezvous are only logged, because they do not affect this job. Agents then exit
 * after their own timeouts.
 */
export async function tellAgents(options: TellOptions, why: DteError | string): Promise<boolean> {
  const { resolved, job, rendezvous, sessionId } = options;
  const { limits } = resolved;
  // It was retried long enough.
  if (why instanceof DteError && why.code.startsWith('DTE_RENDEZVOUS_')) return false;
  const reason = why instanceof DteError ? aloneBecause(why) : why;
  try {
    return await giveUp({
      rendezvous,
      sessionId,
      reason,
      limits,
      job: jobMarkOf(job),
      isAlive: (record) => coordinatorAnswers(record, limits),
    });
  } catch {
    return false;
  }
}

/** Like `tellAgents`, for an nx command in a job that may not be the main job. */
export async function tellAgentsOfMainJob(
  options: TellOptions & { readonly startFailed: boolean },
  error: DteError,
): Promise<boolean> {
  const { job, rendezvous, sessionId, startFailed } = options;
  // It was retried long enough.
  if (error.code.startsWith('DTE_RENDEZVOUS_')) return false;
  try {
    const record = await rendezvous.find(sessionId);
    if (!speaksForMainJob({ error, startFailed, record, job: jobMarkOf(job) })) return false;
  } catch {
    return false;
  }
  return tellAgents(options, error);
}
