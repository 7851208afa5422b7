import { DteError } from '@org/dte-protocol';

/** Why a process that stopped responding was killed. */
export const frozenFor = (limitMs: number): string =>
  `was frozen: a signal suspended it, and it was not continued for ${limitMs} ms (DTE_EXECUTOR_FROZEN_MS). It was stopped together with its child processes`;

/** @param what the frozen process, as the beginning of a sentence */
export const frozen = (what: string, agentName: string, limitMs: number): DteError =>
  new DteError('DTE_EXECUTOR_FROZEN', `${what} on ${agentName} ${frozenFor(limitMs)}.`);
