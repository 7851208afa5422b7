import { type Report } from '../workspace/report';
import { type Launcher } from './commands';
import { startBelowInstall } from './move-start';
import { scopeOf } from './scope';
import { rewriteScripts, tellForeign, type Asked } from './scripts';
import { rewriteVariables } from './variables';
import { completeWorkflow, workflowJobs } from './workflow';

export { completeJobs, rolesIn } from './jobs';
export { scopeOf } from './scope';
export { type ConvertedRule } from './assignment-rules';
export { labelsOf, renderRules, VendorFiles, type VendorSettings } from './vendor-config';
export { lastTarget } from './workflow';
export { tellSeveralMains } from './several-mains';

/**
 * Rewrites everything of the vendor's in a GitLab file to ours: commands flag by flag, variables, and the job of `nx g
 * ci-workflow --ci=gitlab`. Returns a file without any unchanged.
 */
export function rewriteVendor(
  text: string,
  { path, folder }: { readonly path: string; readonly folder: string },
  launcher: Launcher,
  report: Report,
): { text: string; asked: Asked } {
  const scope = scopeOf(text, folder);
  const jobs = workflowJobs(text).filter(scope);
  tellForeign(text, { path, folder }, scope, report);
  const { text: scripts, asked } = rewriteScripts(text, { path, scope }, launcher, report);
  const started = startBelowInstall(rewriteVariables(scripts, { path, scope }, report), path, report);
  return { text: completeWorkflow(started, { path, names: jobs, launcher, report }), asked };
}
