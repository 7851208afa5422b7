import type { NxInstall } from '../install/nx-install';

/**
 * Whether Nx shows the header of each command of `nx:run-commands` with prefixes. To print prefixes, 20 to the first
 * minors of 22 run the executor in a separate process, whose headers are normal output. Later versions run it in place
 * and print only the output of the commands; this module was added with that change. Neither shows the warning below a
 * failed command: in a separate process, the executor does not know that it streams.
 */
export const showsHeadersWithPrefixes = (nx: NxInstall, env: NodeJS.ProcessEnv = process.env): boolean =>
  env['NX_RUN_COMMANDS_DIRECTLY'] === 'false' ||
  nx.loadOptional('src/tasks-runner/running-tasks/output-prefix') === undefined;
