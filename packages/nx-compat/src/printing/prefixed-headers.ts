import type { NxInstall } from '../install/nx-install';

/**
 * Whether Nx shows the header of each command of `nx:run-commands` with prefixes. To print prefixes, 20 to the first minors of
 * 22 run the executor in a process of its own, whose headers are output like any other. Later ones run it in place and print
 * what the commands say only; this module came with that. The warning below a failed command is shown by neither: in a
 * process of its own the executor does not know that it streams.
 */
export const showsHeadersWithPrefixes = (nx: NxInstall, env: NodeJS.ProcessEnv = process.env): boolean =>
  env['NX_RUN_COMMANDS_DIRECTLY'] === 'false' ||
  nx.loadOptional('src/tasks-runner/running-tasks/output-prefix') === undefined;
