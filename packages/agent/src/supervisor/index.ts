export { HiddenValues } from './hidden-values';
export { machineCapacity } from './machine-capacity';
export { runAgent } from './run-agent';
export { type DiskKeeper, type SignalSource } from './ports';
