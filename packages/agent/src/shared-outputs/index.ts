export { identityOf } from './artifact-identity';
export { OutputSharing } from './sharing';
export { SharedOutputs } from './shared-outputs';
