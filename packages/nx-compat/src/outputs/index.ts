export { carriageOf, type Carriage } from './carriage';
export { expandOutputs, removeOutputs } from './expand';
export {
  lineOf,
  listOutputs,
  summaryOf,
  type OutputEntry,
  type OutputList,
  type OutputSummary,
} from './list';
export { replaceOutputs } from './replace';
