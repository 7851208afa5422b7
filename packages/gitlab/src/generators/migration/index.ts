import { type Report } from '../workspace/report';
import { type Launcher } from './commands';
import { startBelowInstall } from './move-start';
import { rewriteScripts, type Asked } from './scripts';
import { rewriteVariables } from './variables';
import { completeWorkflow, workflowJobs } from './workflow';

export { completeJobs, rolesIn } from './jobs';
export { tellSeveralMains } from './several-mains';

/**
 * A GitLab file with everything of the vendor's in it rewritten to ours: commands flag by flag, variables, and the job
 * that `nx g ci-workflow --ci=gitlab` wrote. A file without any comes back as it is.
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
