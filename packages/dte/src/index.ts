import type { NxRunnerContext, NxRunnerOptions, NxStatuses, NxTask } from '@org/dte-nx-compat';
import { decideActivity } from './tasks-runner/activity';
import { runHereWithNx } from './tasks-runner/default-runner';

/** Every nx command on every developer's machine loads this file: other modules are loaded only when they are needed. */
type DistributeHere = typeof import('./tasks-runner/distribute-here');
type WithoutSecrets = typeof import('./tasks-runner/without-secrets');
type Runner = typeof import('@org/dte-runner');
type GitlabJobs = typeof import('@org/dte-gitlab/job');

/**
 * The tasks runner that Nx calls (nx.json: `tasksRunnerOptions.default.runner`). Without a CI session, it only calls Nx's
 * own runner; with `--no-agents` or `--no-dte` as well, unless an earlier command has left outputs elsewhere.
 * @returns how each task of the command ended, by task id
 */
export default function dteTasksRunner(
  tasks: NxTask[],
  options: NxRunnerOptions,
  context: NxRunnerContext,
): Promise<NxStatuses> {
  const activity = decideActivity({
    env: process.env,
    options,
    nxArgs: context.nxArgs,
    hasPackageRegistry,
  });
  const runHere = (): Promise<NxStatuses> => runHereWithNx(tasks, options, context);
  switch (activity.kind) {
    case 'off':
      return runHere();
    case 'plan':
      // eslint-disable-next-line @typescript-eslint/no-require-imports -- synchronous, and CommonJS like the rest
      return (require('@org/dte-runner') as Runner).writePlan(activity.path, options, context);
    case 'declined':
    case 'distribute': {
      // eslint-disable-next-line @typescript-eslint/no-require-imports -- as above
      const { declineHere, distributeHere } = require('./tasks-runner/distribute-here') as DistributeHere;
      const run = activity.kind === 'declined' ? declineHere : distributeHere;
      return withoutSecrets(() => run({ tasks, options, context, runUndistributed: runHere }));
    }
  }
}

function withoutSecrets<T>(run: () => Promise<T>): Promise<T> {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- as above
  return (require('./tasks-runner/without-secrets') as WithoutSecrets).withoutSecrets(run);
}

/** Is this process a GitLab job that may use the package registry of its project? */
function hasPackageRegistry(): boolean {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- as above
  const gitlab = require('@org/dte-gitlab/job') as GitlabJobs;
  return gitlab.hasPackageRegistry(gitlab.readGitlabJob(process.env));
}
