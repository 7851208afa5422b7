import { PLAN_FILE, PLANNED_VARIABLE, type GitlabFileOptions } from './options';
import { baseAndHead, script } from './jobs';
import { packageManagerSteps } from './package-managers';
import { pipelineRules, WHICH_PIPELINES } from './shared-job';
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
  const { agents, targets, parallel, stage, mainBranch } = options;
  const { install, run } = packageManagerSteps(options);
  const plan = [
    `${run} dte plan --agents-max=${agents} --minutes-per-agent=${MINUTES_PER_AGENT}`,
    `--targets=${word(targets.join(','))} --parallel=${parallel} --stage=${word(stage)} --output=${PLAN_FILE}`,
  ];
  return [
    ...comment(
      'Determines which tasks are affected and not cached, and writes a child pipeline with as many agents as they need.',
    ),
    ...block(
      'nx-plan',
      'extends: .dte',
      ...WHICH_PIPELINES,
      ...parentRules(mainBranch),
      ...block('cache', 'policy: pull'),
      ...script(...install, ...baseAndHead(run), plan.join(' ')),
      ...block('artifacts', ...list('paths', [PLAN_FILE]), `expire_in: ${PLAN_KEPT}`),
    ),
  ];
}

/** Job `nx-pipeline`: starts the child pipeline, and has its result. */
export const triggerJob = ({ stage, mainBranch }: GitlabFileOptions): string[] => [
  ...comment(
    'Starts the child pipeline and mirrors its result. Artifacts of the main job belong to the child pipeline: jobs of',
    'this pipeline cannot download them with `needs`.',
  ),
  ...block(
    'nx-pipeline',
    `stage: ${scalar(stage)}`,
    ...list('needs', ['nx-plan']),
    ...parentRules(mainBranch),
    ...block(
      'trigger',
      'include:',
      `  - artifact: ${PLAN_FILE}`,
      '    job: nx-plan',
      'strategy: depend',
      ...block(
        'forward',
        ...comment('Including the variables with which a user or a schedule started this pipeline.'),
        'pipeline_variables: true',
      ),
    ),
  ),
];
