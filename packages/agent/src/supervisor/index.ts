export { HiddenValues } from './hidden-values';
export { type AgentOptions, runAgent } from './run-agent';
export { type DiskKeeper, type Environment, type LogStream, type SignalSource } from './ports';
