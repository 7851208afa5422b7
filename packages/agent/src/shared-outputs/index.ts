export { OutputSharing } from './sharing';
export { SharedOutputs } from './shared-outputs';
