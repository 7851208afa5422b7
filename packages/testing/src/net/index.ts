export { ForwardProxy } from './forward-proxy';
export { freePort } from './free-port';
export { type HttpAnswer, type HttpCall, httpCall } from './http-call';
export { RawClient } from './raw-client';
