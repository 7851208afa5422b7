export * from './artifacts';
export * from './connection';
export * from './http';
export * from './tunnel';
