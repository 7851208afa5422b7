export { install, type InstallOptions, linkFolder, packedTarballs, REPOSITORY } from './install';
export { Machine, type RunOptions } from './machine';
export { AFFECTED, Pipeline } from './pipeline';
export { DEFAULT_NX_VERSION, NX_VERSIONS, SCHEDULED } from './nx-versions';
export { type JournalEntry, Fleet, readJournal } from './fleet';
export type { FileContent } from './origin';
export { LinkTo } from './origin';
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
export { plainOutputs } from './plain-outputs';
export { tempFolders } from './temp-folders';
