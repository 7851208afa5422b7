export { type Dialled, type DialTarget, dial, proxyOf } from './dial';
