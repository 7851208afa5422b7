export { type Aspect, compare, type Difference, type Observation, type TaskFacts } from './compare';
export { existingWorkspace } from './existing-workspace';
export { describeReport, lastLine } from './report';
export {
  ParityBench,
  type CompareOptions,
  type ParityOptions,
  type ParityReport,
  type Round,
  type RoundName,
} from './parity-bench';
export type { Replacement } from './normalise';
