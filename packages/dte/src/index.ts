import type { NxRunnerContext, NxRunnerOptions, NxStatuses, NxTask } from '@org/dte-nx-compat';
import { decideActivity } from './runner/command/activity';
import { runHereWithNx } from './runner/command/default-runner';

/** Every nx command on every laptop loads this file: what is not needed there is loaded when it is. */
type Distribute = typeof import('./runner/command/distribute');
type WithoutSecrets = typeof import('./runner/command/without-secrets');
type WritePlan = typeof import('./plan/write-plan');

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
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- synchronous, and CommonJS like the rest
    const { distribute } = require('./runner/command/distribute') as Distribute;
    return withoutSecrets(() => distribute(tasks, options, context));
  }
  if (activity.kind === 'plan') {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- as above
    return (require('./plan/write-plan') as WritePlan).writePlan(activity.path, options, context);
  }
  const runHere = (): Promise<NxStatuses> => runHereWithNx(tasks, options, context);
  return activity.kind === 'declined' ? withoutSecrets(runHere) : runHere();
}

function withoutSecrets<T>(run: () => Promise<T>): Promise<T> {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- as above
  return (require('./runner/command/without-secrets') as WithoutSecrets).withoutSecrets(run);
}
