import { DteError, type Rendezvous } from '@org/dte-protocol';
import type { Env, Resolved } from '@org/dte-config';
import { coordinatorAnswers } from './alive';
import { jobMarkOf } from './earlier-try';
import { aloneBecause, giveUp, speaksForMainJob } from './give-up';

export interface TellOptions {
  readonly resolved: Resolved;
  readonly env: Env;
  readonly rendezvous: Rendezvous;
  readonly sessionId: string;
}

/**
 * As `giveUp`; a rendezvous that takes nothing changes nothing of what this job does now. Agents end by their own limits
 * then.
 */
export async function tellAgents(options: TellOptions, why: DteError | string): Promise<boolean> {
  const { resolved, env, rendezvous, sessionId } = options;
  const { limits } = resolved;
  // It has been asked for long enough.
  if (why instanceof DteError && why.code.startsWith('DTE_RENDEZVOUS_')) return false;
  const reason = why instanceof DteError ? aloneBecause(why) : why;
  try {
    return await giveUp({
      ...{ rendezvous, sessionId, reason, limits },
      job: jobMarkOf(env),
      isAlive: (record) => coordinatorAnswers(record, limits),
    });
  } catch {
    return false;
  }
}

/** As `tellAgents`, for a command of Nx in a job that may be another than the main job. */
export async function tellAgentsOfMainJob(
  options: TellOptions & { readonly startFailed: boolean },
  error: DteError,
): Promise<boolean> {
  const { env, rendezvous, sessionId, startFailed } = options;
  // It has been asked for long enough.
  if (error.code.startsWith('DTE_RENDEZVOUS_')) return false;
  try {
    const record = await rendezvous.find(sessionId);
    if (!speaksForMainJob({ error, startFailed, record, job: jobMarkOf(env) })) return false;
  } catch {
    return false;
  }
  return tellAgents(options, error);
}
