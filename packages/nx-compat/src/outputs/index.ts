export { carriageOf, type Carriage } from './carriage';
export { expandOutputs, standingOf } from './expand';
export { removeOutputs, removePaths, type RemoveHow } from './remove';
export {
  lineOf,
  listOutputs,
  listPaths,
  summaryOf,
  type OutputEntry,
  type OutputList,
  type OutputSummary,
} from './list';
export { replaceOutputs } from './replace';
