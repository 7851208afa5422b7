export type { Difference } from '@org/dte-parity';
export { describeReport } from './report';
export { ParityBench, type ParityOptions, type ParityReport } from './parity-bench';
export type { Replacement } from './normalise';
export { RecordedCommand } from './recorder';
