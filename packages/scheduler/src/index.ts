export { describe, sessionInfo } from './describe';
export { tableEstimator, unitEstimator, type DurationEstimator, type EstimatedTask } from './estimator';
export { checkRun } from './graph';
export { isAwaited, isHeartbeat } from './heartbeats';
export { type AttemptRef, holds, mayStore } from './holdings';
export type { AgentJoin, Effects, Heard, HistoryEvent, Input, Outgoing, SchedulerConfig } from './interface';
export { ownWords } from './own-words';
export { createState, type SchedulerState } from './state';
export { step } from './step';
