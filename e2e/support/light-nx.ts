/**
 * For workspaces whose tests are not about how Nx starts: its plugins are loaded into its own process, and its native code from
 * node_modules. By default Nx starts a process for each of its own plugins as well, which is half of what a small nx command
 * costs, and copies 27 MB for each workspace. That default is kept in `parity/plugins`, `parity/tool`, `nx-majors/generators`,
 * where a hook of a plugin is tried (`nx-majors/distributed`), and in `gitlab/pipeline`.
 */
export const LIGHT_NX = { NX_ISOLATE_PLUGINS: 'false', NX_SKIP_NATIVE_FILE_CACHE: 'true' };

/** For one command in such a workspace: Nx's default. */
export const NX_DEFAULT_PROCESSES = { NX_ISOLATE_PLUGINS: undefined };
