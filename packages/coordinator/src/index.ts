export { type Coordinator, createCoordinator } from './coordinator';
export type { CoordinatorOptions } from './options';
export type { DurationEstimates } from './history/durations';
export { FileDurationHistory } from './history/file-durations';
export { boundedFile } from './log/bounded-file';
export { createLog } from './log/create-log';
export type { NoteWriter, PipelineNote } from './report/session-notes';
export { removeUnusedFolders } from './lock/unused-folders';
export { readJournalReport } from './bug-report/read-journal';
