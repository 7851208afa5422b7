export { readNxJson, readNxJsonOptions } from './nx-json';
export { resolveConfig, type Env, type Resolved } from './resolve';
export { configSchema, OPTIONS, type Config, type OptionName } from './schema';
export { sessionIdOf } from './session-id';
export { settingsOf } from './settings';
