import type { NxRunnerContext, NxRunnerOptions, NxStatuses, NxTask } from '@org/dte-nx-compat';
import { decideActivity } from './tasks-runner/activity';
import { runHereWithNx } from './tasks-runner/default-runner';

/** Every nx command on every developer's machine loads this file: other modules are loaded only when they are needed. */
type DistributeHere = typeof import('./tasks-runner/distribute-here');
type WithoutSecrets = typeof import('./tasks-runner/without-secrets');
type Runner = typeof import('@org/dte-runner');
type GitlabJobs = typeof import('@org/dte-gitlab/job');

/**
 * The tasks runner that Nx calls (nx.json: `tasksRunnerOptions.default.runner`). Without a CI session, and with
 * `--no-agents` or `--no-dte`, it only calls Nx's own runner.
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
  if (activity.kind === 'distribute') {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- synchronous, and CommonJS like the rest
    const { distributeHere } = require('./tasks-runner/distribute-here') as DistributeHere;
    return withoutSecrets(() => distributeHere({ tasks, options, context, runUndistributed: runHere }));
  }
  if (activity.kind === 'plan') {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- as above
    return (require('@org/dte-runner') as Runner).writePlan(activity.path, options, context);
  }
  return activity.kind === 'declined' ? withoutSecrets(runHere) : runHere();
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
