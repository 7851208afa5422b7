import { DteError } from '@org/dte-protocol';

/** How a process died that was not seen to do anything any more. */
export const frozenFor = (limitMs: number): string =>
  `was frozen: a signal suspended it, and it was not continued for ${limitMs} ms (DTE_EXECUTOR_FROZEN_MS). It was stopped together with its child processes`;

/** @param what is frozen, as a sentence begins */
export const frozen = (what: string, agentName: string, limitMs: number): DteError =>
  new DteError('DTE_EXECUTOR_FROZEN', `${what} on ${agentName} ${frozenFor(limitMs)}.`);
