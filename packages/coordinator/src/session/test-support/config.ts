import { LIMITS } from '@org/dte-protocol';
import type { SchedulerConfig } from '@org/dte-scheduler';

/** The scheduler's limits as a session has them by default. */
export const CONFIG: SchedulerConfig & Readonly<Record<string, number>> = {
  leaseMs: LIMITS.leaseMs.value,
  agentReturnMs: LIMITS.agentReturnMs.value,
  mainLostMs: LIMITS.mainLostMs.value,
  sessionIdleMs: LIMITS.sessionIdleMs.value,
  attemptsPerTask: LIMITS.attemptsPerTask.value,
  logEntriesPerFrame: LIMITS.logEntriesPerFrame.value,
  frameBytes: LIMITS.frameBytes.value,
  releaseIdleMs: LIMITS.releaseIdleMs.value,
  reserveSlots: LIMITS.reserveSlots.value,
};
