export { carriageOf, type Carriage } from './carriage';
export { expandOutputs, removeOutputs, removePaths } from './expand';
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
