/**
 * For workspaces whose tests do not depend on how Nx starts: plugins are loaded into Nx's own process, and its native
 * code from node_modules. By default, Nx starts a process for each of its own plugins, which is half of the cost of a
 * small nx command, and copies 27 MB for each workspace. The default is kept in `parity/plugins`, `parity/tool`,
 * `nx-majors/generators`, in `nx-majors/distributed` for a plugin hook, and in `gitlab/pipeline`.
 */
export const LIGHT_NX = { NX_ISOLATE_PLUGINS: 'false', NX_SKIP_NATIVE_FILE_CACHE: 'true' };

/** Nx's default, for one command in such a workspace. */
export const NX_DEFAULT_PROCESSES = { NX_ISOLATE_PLUGINS: undefined };
