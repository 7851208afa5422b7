export {
  describe,
  endedTasks,
  entriesAfter,
  entriesDeleted,
  expectedDurations,
  isClosed,
  openRuns,
  sessionInfo,
} from './describe';
export { checkRun } from './graph';
export { isAwaited, isHeartbeat } from './heartbeats';
export { type AttemptNumber, type AttemptRef, holds, storingAttempts } from './holdings';
export type { AgentJoin, Effects, Heard, HistoryEvent, Input, SchedulerConfig } from './interface';
export { type Load, loadOf } from './load';
export { ownWords } from './own-words';
export { shareOf } from './packing';
export { createState, type SchedulerState } from './state';
export { step } from './step';
