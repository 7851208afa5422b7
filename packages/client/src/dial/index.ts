export { type Dialled, type DialTarget, dial } from './dial';
