export { HiddenValues } from './hidden-values';
export { runAgent } from './run-agent';
export { type DiskKeeper, type SignalSource } from './ports';
