export { exampleClaims, testLimits } from './example-claims';
export { assignment, FakeCoordinator, runOfTasks, sendArtifact } from './fake-coordinator';
