export type {
  NxHashDetails,
  NxLifeCycle,
  NxProjectGraph,
  NxProjectNode,
  NxRunnerContext,
  NxRunnerOptions,
  NxStatuses,
  NxTarget,
  NxTask,
  NxTaskResult,
  NxTaskStatus,
  TaskGraph,
} from './model/types';
export { dependencyClosure, normaliseTaskGraph } from './model/task-graph';
export { NxInstallError, nxEntry, resolveNx } from './install/nx-install';
export { withoutLanguages } from './install/without-languages';
export { findWorkspaceRoot } from './install/workspace-root';
export { runSubsetWithDefaultRunner } from './runner/default-runner';
export { observeEndings } from './runner/observe-endings';
export { hideFromTasks } from './variables/hidden';
export { bailStopsTasks } from './runner/bail';
export { openCache } from './cache/open-cache';
export type {
  ArtifactReader,
  ArtifactWriter,
  CacheEntry,
  CacheUse,
  FetchResult,
  StoreOutcome,
  TaskCache,
} from './cache/types';
export { isAmbiguous, packEntry, readSmall } from './cache/pack-entry';
export { NX_ARCHIVE } from './cache/archive-format';
export { cachesFailures } from './cache/failures';
export { cacheMark, isCacheMark } from './cache/marks';
export { createStreamPrinter, type StreamPrinter } from './printing/stream-printer';
export { terminalUiOf, type TerminalUi } from './printing/terminal-ui';
export { shouldStreamOutput } from './printing/should-stream';
export {
  expandOutputs,
  listOutputs,
  listPaths,
  removeOutputs,
  removePaths,
  standingOf,
  summaryOf,
  type OutputEntry,
  type OutputList,
  type OutputSummary,
  type RemoveHow,
} from './outputs';
export { declaredOutputs } from './outputs/declared';
export { cleanPath, isAtOrBelow, staticParts } from './outputs/paths';
export { pathMatcher } from './outputs/path-matcher';
export { trackedByGlobs } from './outputs/tracked';
export type { HashResult } from './hashing/hashing';
export { createLateHasher, type LateHasher } from './hashing/late-hash';
export { INPUTS_OF_EVERY_TASK, matchFiles, readHashInput, type HashInput } from './hash-inputs';
export { isCommandVariable } from './variables/of-commands';
export { environmentOfHooks } from './variables/of-hooks';
export { environmentOfTask } from './hashing/hashing';
export { parallelOf } from './planning/parallel';
export { nxTaskTimings } from './planning/task-timings';
export { matchProjects } from './planning/match-projects';
export { outputsOfTarget } from './planning/target-outputs';
export { isContinuous, isNonParallel, isNoop } from './model/task-kinds';
export { ACCESS_TOKEN, ALIAS, DEFAULT_RUNNERS, RUNNER, SHIM, VENDOR_RUNNERS } from './seam/names';
export { OPTIONS_OF_NX, parseNxJson, readNxJson, runnerOptionsOf, RUNNER_OPTIONS } from './seam/nx-json';
export { inspectSeam } from './seam/inspect';
export { ALIAS_INSTALL, SEAM_OBSTACLES } from './seam/obstacles';
export type { SeamFindings } from './seam/types';
export { createTaskHost } from './host/task-host';
export type { BatchRun, RunBatchRequest, RunTaskRequest, TaskHost, TaskRun } from './host/types';
export { brokenBy, type Broken } from './host/broken';
export { watchFrozen } from './processes/frozen';
export { EXECUTOR_MARK, endProcesses, endStartedWith } from './processes/executor-processes';
export { tryLock } from './processes/lock';
export { isAlive } from './processes/process-table';
export { meterTask, type TaskMeter, type TaskUse } from './processes/task-use';
export { countsServers } from './execution/continuous';
export { planBatches } from './planning/batches';
export { readProjectGraph } from './planning/project-graph';
export { askChoices } from './prompts/ask';
export { formattersOf, type Formatter } from './install/formatters';
export { versionInRange } from './install/semver';
export { workOf, type CheckKind, type TargetWork } from './targets/target-work';
