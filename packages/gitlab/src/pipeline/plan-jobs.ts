import { PLAN_FILE, PLANNED_VARIABLE, type GitlabFileOptions } from './options';
import { baseAndHead, extending, script } from './jobs';
import { packageManagerSteps } from './package-managers';
import { enter, inRepository, jobIn, withId } from './place';
import { HISTORY_FOLDER, mainCache, pipelineRules, WHICH_PIPELINES } from './shared-job';
import { block, comment, list, scalar, word } from './text';

/** The value of `--minutes-per-agent` that a new pipeline is written with; people edit it there. */
const MINUTES_PER_AGENT = 5;
/** Long enough for a trigger job that waits or is retried. */
const PLAN_KEPT = '1 day';

/** Not in the child pipeline, which includes the same file: it would create its own plan and child pipeline. */
const parentRules = (mainBranch: string): string[] => [
  'rules:',
  `  - if: $${PLANNED_VARIABLE}`,
  '    when: never',
  ...pipelineRules(mainBranch),
];

/** Job `nx-plan`: determines how many agents the affected work needs. */
export function planJob(options: GitlabFileOptions): string[] {
  const { agents, targets, parallel, slots, stage, mainBranch, folder, packageManager, lockfile } = options;
  const { install, run, cacheFolder } = packageManagerSteps(options);
  const here = (path: string): string => inRepository(options, path);
  const plan = [
    `${run} dte plan --agents-max=${agents} --minutes-per-agent=${MINUTES_PER_AGENT}`,
    `--targets=${word(targets.join(','))} --parallel=${parallel} --stage=${word(stage)} --output=${PLAN_FILE}`,
    ...(slots === 'auto' ? ['--slots=auto'] : []),
    ...(folder === '' ? [] : [`--folder=${word(folder)}`]),
  ];
  return [
    ...comment(
      'Determines which tasks are affected and not cached, and writes a child pipeline with as many agents as they need.',
    ),
    ...block(
      scalar(jobIn(options, 'nx-plan')),
      extending(options),
      ...WHICH_PIPELINES,
      ...parentRules(mainBranch),
      ...mainCache(withId(options, `dte-${packageManager}`), [here(lockfile)], here(cacheFolder), {
        key: withId(options, 'dte-history'),
        history: here(HISTORY_FOLDER),
        more: ['policy: pull'],
      }),
      ...script(...enter(options), ...install, ...baseAndHead(run), plan.join(' ')),
      ...block('artifacts', ...list('paths', [inRepository(options, PLAN_FILE)]), `expire_in: ${PLAN_KEPT}`),
    ),
  ];
}

/** Job `nx-pipeline`: starts the child pipeline, and has its result. */
export const triggerJob = (options: GitlabFileOptions): string[] => [
  ...comment(
    'Starts the child pipeline and mirrors its result. Artifacts of the main job belong to the child pipeline: jobs of',
    'this pipeline cannot download them with `needs`.',
  ),
  ...block(
    scalar(jobIn(options, 'nx-pipeline')),
    `stage: ${scalar(options.stage)}`,
    ...list('needs', [jobIn(options, 'nx-plan')]),
    ...parentRules(options.mainBranch),
    ...block(
      'trigger',
      'include:',
      `  - artifact: ${scalar(inRepository(options, PLAN_FILE))}`,
      `    job: ${scalar(jobIn(options, 'nx-plan'))}`,
      'strategy: depend',
      ...block(
        'forward',
        ...comment('Including the variables with which a user or a schedule started this pipeline.'),
        'pipeline_variables: true',
      ),
    ),
  ),
];
