export { seededRandom } from './seeded-random';
export { type Incident, type PlannedRun, simulate, type SimulationPlan } from './simulate';
