import { readFileSync } from 'node:fs';
import { resolveNx } from '../install/nx-install';

type Variables = Readonly<Record<string, string | undefined>>;

/** Variables that Node, Nx (20 to 24) or this product sets or removes in its own process while a command begins. */
const OF_NX =
  /^(DTE_.*|NODE_CHANNEL_.*|NODE_UNIQUE_ID|FORCE_COLOR|NO_COLOR|TS_NODE_COMPILER_OPTIONS|npm_config_legacy_peer_deps|NX_(ANALYTICS_SESSION_ID|CLI_SET|CLOUD_API|DAEMON|DAEMON_PROCESS|DRY_RUN|GENERATE_QUIET|INTERACTIVE|ISOLATE_PLUGINS|LOAD_DOT_ENV_FILES|ORIGINAL_FORCE_COLOR|PREFIX_OUTPUT|STREAM_OUTPUT|TUI|TUI_AUTO_EXIT|VERBOSE_LOGGING|RELEASE_INTERNAL_SUPPRESS_FILTER_LOG|RUNNING_NX_.*))$/;

/** With what this process was started; null where the system does not tell. */
function startedWith(): Record<string, string> | null {
  if (process.platform !== 'linux') return null;
  try {
    const entries = readFileSync('/proc/self/environ', 'utf8').split('\0');
    const split = entries.flatMap((entry): [string, string][] => {
      const at = entry.indexOf('=', 1);
      return at < 0 ? [] : [[entry.slice(0, at), entry.slice(at + 1)]];
    });
    // Of a name that is there twice the first one counts.
    return Object.fromEntries(split.reverse());
  } catch {
    return null;
  }
}

/** What the executable of Nx makes of an environment before anything else: it adds the .env files of the workspace's root. */
function asNxBegins(initial: Record<string, string>, workspaceRoot: string): Variables {
  const { env } = process;
  const dotenv = resolveNx(workspaceRoot).load<{ loadRootEnvFiles(root: string): void }>('src/utils/dotenv');
  // Every version reads and writes process.env, and it is synchronous.
  process.env = initial;
  try {
    dotenv.loadRootEnvFiles(workspaceRoot);
    return { ...process.env };
  } finally {
    process.env = env;
  }
}

/**
 * The variables that code of the workspace has set in this process since its command began, or removed (undefined): what hooks of
 * plugins do (`preTasksExecution`), whose calls are over before a tasks runner is called. They reach tasks as the process's own.
 * @returns null where nobody knows what there was before
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
