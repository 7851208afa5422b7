export * from './artifacts';
export * from './connection';
export * from './http';
export * from './supervisor';
export * from './tunnel';
