import type { FinishedAttempt } from '@org/dte-protocol';
import type { SchedulerConfig } from '../interface';

/** A session as in production, but for the attempts of a task. */
export const CONFIG: SchedulerConfig = {
  leaseMs: 30_000,
  agentReturnMs: 15_000,
  mainLostMs: 60_000,
  sessionIdleMs: 600_000,
  attemptsPerTask: 3,
  logEntriesPerFrame: 500,
  frameBytes: 16 * 1024 * 1024,
  releaseIdleMs: 30_000,
  reserveSlots: 1,
};

/** A task that ran and succeeded. */
export const SUCCESS: FinishedAttempt = {
  kind: 'finished',
  status: 'success',
  code: 0,
  fromCache: null,
  hash: null,
  reason: null,
  artifact: { kind: 'none' },
  startMs: 1,
  endMs: 2,
  hashDetails: null,
};
