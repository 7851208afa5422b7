export { identityOf } from './artifact-identity';
export { Aside } from './aside';
export { OutputSharing } from './sharing';
export { SharedOutputs } from './shared-outputs';
