export { freePort } from './free-port';
export { type HttpAnswer, type HttpCall, httpCall } from './http-call';
export { RawClient, type ClosedWith } from './raw-client';
export { exampleHello, signHello, TEST_COMMIT, TEST_NX_VERSION } from './hello';
export { exampleRun, exampleTask, type TaskShape } from './example-run';
