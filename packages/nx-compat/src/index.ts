export * from './types';
export { dependencyClosure, normaliseTaskGraph, subgraph, toNxTaskGraph } from './task-graph';
export { findWorkspaceRoot, NxInstallError, resolveNx, type NxInstall } from './nx-install';
export {
  runSubsetWithDefaultRunner,
  runWithDefaultRunner,
  type SubsetRequest,
} from './runner/default-runner';
export { hideFromTasks } from './runner/hidden-variables';
export { bailStopsTasks } from './bail';
export { openCache, type OpenCacheOptions } from './cache/open-cache';
export { detectRemoteKind, useRemoteCache, type RemoteCacheLease } from './cache/remote-cache';
export type {
  ArtifactReader,
  ArtifactRequest,
  CacheEntry,
  FetchResult,
  RemoteCacheAddress,
  RemoteKind,
  StoreOutcome,
  TaskCache,
} from './cache/types';
export { recordTaskDetails } from './cache/task-details';
export { createStreamPrinter, type StreamPrinter } from './printing/stream-printer';
export { terminalUiOf, type TerminalUi } from './printing/terminal-ui';
export { shouldStreamOutput } from './printing/should-stream';
export {
  expandOutputs,
  lineOf,
  listOutputs,
  listPaths,
  removeOutputs,
  removePaths,
  summaryOf,
  type OutputEntry,
  type OutputList,
  type OutputSummary,
  type RemoveHow,
} from './outputs';
export { declaredOutputs } from './declared-outputs';
export { pathMatcher } from './path-matcher';
export { createLateHasher, type LateHasher } from './planning/late-hash';
export { matchFiles, readHashInput, type HashInput } from './hash-inputs';
export { environmentOfHooks } from './hook-environment';
export { environmentOfTask } from './host/hashing';
export { matchProjects } from './planning/match-projects';
export { outputsOfTarget } from './planning/target-outputs';
export { isContinuous, isNonParallel, isNoop } from './task-kinds';
export { inspectSeam } from './seam';
export type { SeamFindings, SeamObstacle } from './seam-types';
export { createTaskHost } from './host/task-host';
export type {
  BatchRun,
  HashResult,
  RunBatchRequest,
  RunningServer,
  RunTaskRequest,
  ServerEnd,
  ServerRequest,
  TaskHost,
  TaskHostOptions,
  TaskRun,
} from './host/types';
export { brokenBy, type Broken } from './host/broken';
export { watchFrozen } from './host/frozen';
export { countsServers } from './run-continuous';
export { planBatches, type BatchPlanInput } from './planning/batches';
export { canaryChecks, type CanaryCheck, type CanaryResult } from './canary';
