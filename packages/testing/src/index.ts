// Only what the specs of other packages, the end-to-end tests and the tools use: tools/structure.mjs reports unused exports.
export {
  ChaosBench,
  type ChaosResult,
  coverageLine,
  describeResult,
  type Fault,
  FAULT_KINDS,
  noticeLine,
  planRun,
  type RunPlan,
  summaryLine,
  TcpProxy,
} from './chaos';
export { FolderSharedCache, sharedCacheContract } from './cache';
export {
  assignment,
  exampleClaims,
  FakeCoordinator,
  runOfTasks,
  sendArtifact,
  testLimits,
} from './coordinator';
export {
  exampleHello,
  outputIndex,
  runSpec,
  signHello,
  type TaskOptions,
  taskSpec,
  TEST_COMMIT,
  TEST_NX_VERSION,
} from './examples';
export {
  artifactsOf,
  type FakeClaims,
  type FakeGitlab,
  type FakeUser,
  type FakeProject,
  type IdTokenOptions,
  selfSignedCertificate,
  type SignInFault,
  startFakeGitlab,
  type TestCertificate,
} from './gitlab';
export { ForwardProxy, type HttpAnswer, httpCall, type HttpCall, RawClient } from './net';
export {
  describeReport,
  type Difference,
  ParityBench,
  type ParityOptions,
  type ParityReport,
  type Replacement,
} from './parity';
export {
  isRunning,
  type ProcessExit,
  type ProcessInfo,
  processesBelow,
  processTree,
  RunningProcess,
  signalProcess,
  waitFor,
} from './process';
export { MemoryRendezvous, rendezvousContract } from './rendezvous';
export { launchChromium, sampleSession } from './report';
export {
  Checkers,
  type Deeds,
  deedKey,
  FakeClock,
  type Incident,
  type PlannedRun,
  type SeededRandom,
  seededRandom,
  simulate,
  type SimulationPlan,
  widthOf,
} from './simulation';
export {
  AFFECTED,
  DEFAULT_NX_VERSION,
  type FileContent,
  Fleet,
  install,
  type InstallOptions,
  type JournalEntry,
  linkFolder,
  LinkTo,
  Machine,
  NX_VERSIONS,
  SCHEDULED,
  packedTarballs,
  Pipeline,
  plainOutputs,
  readJournal,
  REPOSITORY,
  type RunOptions,
  SAMPLE_CHANGE,
  SAMPLE_PROJECTS,
  SAMPLE_TARGET_DEFAULTS,
  sampleCommand,
  sampleFiles,
  sampleNxJson,
  sampleProject,
  type SampleProject,
  tempFolders,
} from './workspace';
