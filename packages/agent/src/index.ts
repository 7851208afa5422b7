export * from './artifacts';
export * from './connection';
export * from './drift';
export * from './http';
export * from './shared-outputs';
export * from './supervisor';
export * from './tunnel';
