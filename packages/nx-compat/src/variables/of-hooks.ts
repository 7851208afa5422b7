import { readFileSync } from 'node:fs';
import { resolveNx } from '../install/nx-install';

type Variables = Readonly<Record<string, string | undefined>>;

/** Variables that Node, Nx (20 to 24) or this product sets or removes in its own process when a command starts. */
const OF_NX =
  /^(DTE_.*|NODE_CHANNEL_.*|NODE_UNIQUE_ID|FORCE_COLOR|NO_COLOR|TS_NODE_COMPILER_OPTIONS|npm_config_legacy_peer_deps|NX_(ANALYTICS_SESSION_ID|CLI_SET|CLOUD_API|DAEMON|DAEMON_PROCESS|DRY_RUN|GENERATE_QUIET|INTERACTIVE|ISOLATE_PLUGINS|LOAD_DOT_ENV_FILES|ORIGINAL_FORCE_COLOR|PREFIX_OUTPUT|STREAM_OUTPUT|TUI|TUI_AUTO_EXIT|VERBOSE_LOGGING|RELEASE_INTERNAL_SUPPRESS_FILTER_LOG|RUNNING_NX_.*))$/;

/** The initial environment of this process; null if the system does not provide it. */
function startedWith(): Record<string, string> | null {
  if (process.platform !== 'linux') return null;
  try {
    const entries = readFileSync('/proc/self/environ', 'utf8').split('\0');
    const split = entries.flatMap((entry): [string, string][] => {
      const at = entry.indexOf('=', 1);
      return at < 0 ? [] : [[entry.slice(0, at), entry.slice(at + 1)]];
    });
    // If a name occurs twice, the first value applies.
    return Object.fromEntries(split.reverse());
  } catch {
    return null;
  }
}

/** How the executable of Nx changes an environment first: it adds the .env files of the workspace root. */
function asNxBegins(initial: Record<string, string>, workspaceRoot: string): Variables {
  const { env } = process;
  const dotenv = resolveNx(workspaceRoot).load<{ loadRootEnvFiles(root: string): void }>('src/utils/dotenv');
  // Every version reads and writes process.env, synchronously.
  process.env = initial;
  try {
    dotenv.loadRootEnvFiles(workspaceRoot);
    return { ...process.env };
  } finally {
    process.env = env;
  }
}

/**
 * The variables that workspace code has set in this process since its command started, or removed (undefined): plugin
 * hooks (`preTasksExecution`) do this, and have ended before a tasks runner is called. Tasks get them as variables of
 * the process.
 * @returns null if the initial environment is unknown
 */
export function environmentOfHooks(
  workspaceRoot: string,
  initial: Record<string, string> | null = startedWith(),
): Record<string, string | undefined> | null {
  if (initial === null) return null;
  const before = asNxBegins({ ...initial }, workspaceRoot);
  const names = new Set([...Object.keys(before), ...Object.keys(process.env)]);
  const changed = [...names].filter((name) => !OF_NX.test(name) && process.env[name] !== before[name]);
  return Object.fromEntries(changed.sort().map((name) => [name, process.env[name]]));
}
