import { type Report } from '../workspace/report';
import { type Launcher } from './commands';
import { startBelowInstall } from './move-start';
import { rewriteScripts, type Asked } from './scripts';
import { rewriteVariables } from './variables';
import { completeWorkflow, workflowJobs } from './workflow';

export { completeJobs, rolesIn } from './jobs';
export { tellSeveralMains } from './several-mains';

/**
 * Rewrites everything of the vendor's in a GitLab file to ours: commands flag by flag, variables, and the job of `nx g
 * ci-workflow --ci=gitlab`. Returns a file without any unchanged.
 */
export function rewriteVendor(
  text: string,
  path: string,
  launcher: Launcher,
  report: Report,
): { text: string; asked: Asked } {
  const jobs = workflowJobs(text);
  const { text: scripts, asked } = rewriteScripts(text, path, launcher, report);
  const started = startBelowInstall(rewriteVariables(scripts, path, report), path, report);
  return { text: completeWorkflow(started, { path, names: jobs, launcher, report }), asked };
}
