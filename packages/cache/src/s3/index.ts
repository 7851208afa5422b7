export { openBucket } from './open-bucket';
export { missingSdk } from './sdk';
