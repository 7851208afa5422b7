export { type OutputsPort } from './ports';
export { type ExtractOptions, type ExtractedAttempt, extractAttempt } from './extract-archive';
export { packAttempt } from './pack-archive';
export { readTerminalOutput } from './read-terminal';
export { nxOutputs } from './nx-outputs';
export { type ArchiveContents, contentsOf } from './archive-contents';
export { codeOfFetch, nxReader } from './nx-reader';
export { nxWriter } from './nx-writer';
export { expectSame, madeOf, summariseOutputs, withSummary } from './same-outputs';
