export * from './artifacts';
export * from './connection';
export * from './drift';
export * from './http';
export * from './supervisor';
export * from './tunnel';
