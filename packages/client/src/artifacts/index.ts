export { type ArchiveMeta } from './archive-format';
export { type ArchiveLimits, type OutputsPort } from './ports';
export { type ExtractOptions, type ExtractedAttempt, extractAttempt } from './extract-archive';
export { type PackOptions, packAttempt } from './pack-archive';
export { readTerminalOutput } from './read-terminal';
export { nxOutputs } from './nx-outputs';
export { codeOfFetch, nxReader } from './nx-reader';
export { expectSame, madeOf, summariseOutputs, withSummary } from './same-outputs';
