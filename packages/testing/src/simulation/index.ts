export { widthOf } from './check-release';
export { Checkers } from './checkers';
export { FakeClock } from './fake-clock';
export { type SeededRandom, seededRandom } from './seeded-random';
export { type Incident, type PlannedRun, simulate, type SimulationPlan } from './simulate';
export { type Deeds, deedKey } from './simulated-agent';
