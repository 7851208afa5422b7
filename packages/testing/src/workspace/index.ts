export { install, type Install, type InstallOptions, packedTarballs, REPOSITORY } from './install';
export { Machine, type RunOptions } from './machine';
export { AFFECTED, type AgentJob, type AgentOptions, Pipeline } from './pipeline';
export { DEFAULT_NX_VERSION, NX_VERSIONS } from './nx-versions';
export {
  type FileContent,
  type JournalEntry,
  type MachineOptions,
  Fleet,
  type FleetOptions,
  readJournal,
} from './fleet';
export {
  SAMPLE_CHANGE,
  SAMPLE_PROJECTS,
  SAMPLE_TARGET_DEFAULTS,
  sampleCommand,
  sampleFiles,
  sampleNxJson,
  sampleProject,
  type SampleProject,
} from './sample';
