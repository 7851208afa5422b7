export { type ConnectOptions, type Connection, type ConnectionState, connect } from './connection';
export { type HelloClaims } from './client-handshake';
export { type Backoff, uniformBackoff } from './backoff';
export { waitOpen } from './wait-open';
