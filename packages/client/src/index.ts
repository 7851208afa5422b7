export * from './artifacts';
export * from './connection';
export * from './http';
export { isHighSurrogate } from './terminal';
export * from './rendezvous';
export * from './tunnel';
