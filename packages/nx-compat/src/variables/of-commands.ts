/** Variables that are part of a command for Nx and that another machine cannot know. Never folders, addresses or tokens. */
const OF_COMMANDS = [
  'NX_BASE',
  'NX_HEAD',
  'NX_VERBOSE_LOGGING',
  'NX_CACHE_FAILURES',
  'NX_LOAD_DOT_ENV_FILES',
  'NX_RUN_COMMANDS_DIRECTLY',
  'NX_BATCH_MODE',
  'NX_NATIVE_COMMAND_RUNNER',
];
const PUBLIC_PREFIX = 'NX_PUBLIC_';

/** Is this variable part of an nx command, on whatever machine its tasks run? */
export const isCommandVariable = (name: string): boolean =>
  OF_COMMANDS.includes(name) || name.startsWith(PUBLIC_PREFIX);
