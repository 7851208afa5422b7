export { byTarget } from './options/by-target';
export { httpAddress, line, wholeNumber, words, yesOrNo } from './options/kinds';
export { readNxJson, readNxJsonOptions } from './options/nx-json';
export { resolveConfig, type Env, type Resolved } from './options/resolve';
export { OPTIONS, type Config, type OptionName } from './options/schema';
export { sessionIdOf } from './options/session-id';
export { settingsOf } from './options/settings';
export { handOver, handoverEnv, takeHandover } from './secrets/handover';
export { envWithSecrets, hideSecrets } from './secrets/hidden-env';
