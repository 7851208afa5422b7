import { agentJob, mainJob } from './jobs';
import type { GitlabFileOptions } from './options';
import { planJob, triggerJob } from './plan-jobs';
import { jobIn } from './place';
import { sharedJob } from './shared-job';
import { otherPools } from './pools';
import { comment, file } from './text';

const WRITTEN_BY =
  'Nx tasks distributed over jobs of this pipeline. Written by `nx g @org/dte:setup-gitlab`.';

const whereToChange = (options: GitlabFileOptions): string[] => [
  `To customize the jobs, use the same job names in ${options.folder === '' ? '' : "the repository's "}.gitlab-ci.yml: GitLab merges both files.`,
];
const whereToChangeDynamic = (options: GitlabFileOptions): string[] => [
  `The jobs \`${jobIn(options, 'nx')}\` and \`${jobIn(options, 'nx-agent')}\` run in a child pipeline, which reads this file but not .gitlab-ci.yml. Settings that they need`,
  'from there (`default`, image, tags, services, before_script) must be in this file.',
];

/**
 * The project's own GitLab file (`.gitlab/dte.yml`): complete text with comments, ending with a newline.
 *
 * Static: main job `nx`, and `nx-agent` with `parallel`. Dynamic: `nx-plan` and `nx-pipeline` (a trigger) in the
 * project's pipeline, `nx` and `nx-agent` in the child pipeline, which includes the same file (see
 * `renderDynamicPipeline`). Main job and agents must be in one pipeline: a session, and the id tokens that prove it,
 * belong to one pipeline, and a child pipeline has its own id.
 * @throws DteError DTE_BAD_CONFIG if there are no targets
 */
export const renderGitlabFile = (options: GitlabFileOptions): string =>
  file(
    comment(WRITTEN_BY, ...(options.dynamic ? whereToChangeDynamic(options) : whereToChange(options))),
    sharedJob(options),
    ...(options.dynamic ? [planJob(options), triggerJob(options)] : []),
    mainJob(options),
    agentJob(options),
    ...otherPools(options),
  );
