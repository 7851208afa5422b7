import type { Rendezvous } from '@org/dte-protocol';
import type { Env, Resolved } from '../config';
import { coordinatorAnswers } from './alive';
import { jobMarkOf } from './earlier-try';
import { giveUp } from './give-up';

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
export async function tellAgents(options: TellOptions, reason: string): Promise<boolean> {
  const { resolved, env, rendezvous, sessionId } = options;
  const { limits } = resolved;
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
