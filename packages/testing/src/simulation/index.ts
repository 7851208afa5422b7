export { Checkers } from './checkers';
export { runSpec, taskSpec, type TaskOptions } from './run-specs';
export {
  simulate,
  type Incident,
  type PlannedRun,
  type SimulationPlan,
  type SimulationResult,
} from './simulate';
export { type Deeds, deedKey, type Fortune, SimulatedAgent } from './simulated-agent';
export {
  type AgentLink,
  type MainLink,
  SimulatedCoordinator,
  type StepChecker,
} from './simulated-coordinator';
export { CLEAR_WEATHER, type LinkEnd, SimulatedLink, type Weather, type World } from './simulated-link';
export { SimulatedMain } from './simulated-main';
