export { exampleRun, exampleTask } from './example-run';
export { exampleHello, signHello, TEST_COMMIT, TEST_NX_VERSION } from './hello';
export { runSpec, taskSpec, type TaskOptions } from './run-specs';
