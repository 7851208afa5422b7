export { exampleHello, signHello, TEST_COMMIT, TEST_NX_VERSION } from './hello';
export { outputIndex } from './output-index';
export { runSpec, taskSpec, type TaskOptions } from './run-specs';
