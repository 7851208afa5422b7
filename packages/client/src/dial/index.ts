export { type Dialled, type DialTarget, dial } from './dial';
export { channelOf } from './pin';
