export { type OutputsPort } from './ports';
export { type ExtractOptions, type ExtractedAttempt, extractAttempt } from './extract-archive';
export { packAttempt } from './pack-archive';
export { readTerminalOutput } from './read-terminal';
export { nxOutputs } from './nx-outputs';
export { codeOfFetch, nxReader } from './nx-reader';
export { expectSame, madeOf, summariseOutputs, withSummary } from './same-outputs';
