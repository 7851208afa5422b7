import type { NxRunnerContext, NxRunnerOptions, NxStatuses, NxTask } from '@org/dte-nx-compat';
import { decideActivity } from './runner/activity';

/* eslint-disable @typescript-eslint/no-require-imports --
   Every nx command on every laptop loads this file: what is not needed there is not loaded there. */
type NxCompat = typeof import('@org/dte-nx-compat');
type Distribute = typeof import('./runner/distribute');

/**
 * The tasks runner that Nx calls (nx.json: `tasksRunnerOptions.default.runner`). Without a CI session, and with
 * `--no-agents` or `--no-dte`, it is Nx's own runner and nothing else.
 * @returns how each task of the command ended, by task id
 */
export default function dteTasksRunner(
  tasks: NxTask[],
  options: NxRunnerOptions,
  context: NxRunnerContext,
): Promise<NxStatuses> {
  const activity = decideActivity(process.env, options, context.nxArgs);
  if (activity.kind === 'distribute') {
    return (require('./runner/distribute') as Distribute).distribute(tasks, options, context);
  }
  if (activity.kind === 'undistributed') process.stdout.write(`${activity.line}\n`);
  return (require('@org/dte-nx-compat') as NxCompat).runWithDefaultRunner(tasks, options, context);
}
