export * from './model/types';
export { dependencyClosure, normaliseTaskGraph, subgraph, toNxTaskGraph } from './model/task-graph';
export { findWorkspaceRoot, NxInstallError, resolveNx, type NxInstall } from './install/nx-install';
export {
  runSubsetWithDefaultRunner,
  runWithDefaultRunner,
  type SubsetRequest,
} from './runner/default-runner';
export { hideFromTasks } from './variables/hidden';
export { bailStopsTasks } from './runner/bail';
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
export { declaredOutputs } from './outputs/declared';
export { pathMatcher } from './outputs/path-matcher';
export type { HashResult } from './hashing/hashing';
export { createLateHasher, type LateHasher } from './hashing/late-hash';
export { matchFiles, readHashInput, type HashInput } from './hash-inputs';
export { environmentOfHooks } from './variables/of-hooks';
export { environmentOfTask } from './hashing/hashing';
export { matchProjects } from './planning/match-projects';
export { outputsOfTarget } from './planning/target-outputs';
export { isContinuous, isNonParallel, isNoop } from './model/task-kinds';
export { inspectSeam } from './seam/inspect';
export type { SeamFindings, SeamObstacle } from './seam/types';
export { createTaskHost } from './host/task-host';
export type {
  BatchRun,
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
export { watchFrozen } from './processes/frozen';
export { countsServers } from './execution/continuous';
export { planBatches, type BatchPlanInput } from './planning/batches';
export { canaryChecks, type CanaryCheck, type CanaryResult } from './canary';
