export * from './artifacts';
export * from './connection';
export * from './http';
export { loadRestLater } from './load-rest';
export { isHighSurrogate } from './terminal';
export * from './rendezvous';
export * from './tunnel';
