export { OutputSharing, type SharingTask } from './sharing';
export { SharedOutputs, type SharedOutputsOptions } from './shared-outputs';
