export { type Connection, type ConnectionState, connect } from './connection';
export { type Credentials, type HelloClaims } from './client-handshake';
export { type Backoff, uniformBackoff } from './backoff';
export { type FrameSink, Outbox } from './outbox';
export { type Unreached } from './reach';
export { waitOpen } from './wait-open';
