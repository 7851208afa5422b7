export { type Difference } from './compare';
export { existingWorkspace } from './existing-workspace';
export { describeReport, lastLine } from './report';
export { ParityBench, type ParityOptions, type ParityReport } from './parity-bench';
export type { Replacement } from './normalise';
export { RecordedCommand, type RecordedTasks } from './recorder';
export { fileFacts, type FileFacts } from './file-facts';
