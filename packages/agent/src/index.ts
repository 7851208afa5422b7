export * from './drift';
export * from './shared-outputs';
export * from './supervisor';
