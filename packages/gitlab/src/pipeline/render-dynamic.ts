import { expectedAgents } from './jobs';
import { PLANNED_VARIABLE, type GitlabFileOptions } from './options';
import { gitlabFileIn, jobIn, type Placed } from './place';
import { block, comment, file, list, scalar } from './text';

/** A child pipeline declares its own stages; the rest is in the included file. */
export type DynamicPipelineOptions = Pick<GitlabFileOptions, 'stage' | 'folder'>;

const some = (placed: Placed, agents: number): string[] => [
  ...block(scalar(jobIn(placed, 'nx')), ...expectedAgents(String(agents))),
  ...block(scalar(jobIn(placed, 'nx-agent')), `parallel: ${agents}`),
];

const none = (placed: Placed): string[] => [
  ...comment('There is no work for agents.'),
  ...block(scalar(jobIn(placed, 'nx-agent')), 'rules:', '  - when: never'),
  '',
  ...block(
    scalar(jobIn(placed, 'nx')),
    ...block('variables', ...comment('There are no agents to wait for.'), 'DTE_AGENT_WAIT_MS: "1"'),
  ),
];

/**
 * The child pipeline of a plan: main job and `agents` agents (0: only the main job) as the project's own GitLab file
 * defines them. That file is included and not copied, so that users' changes to it apply here too. A child pipeline's
 * artifact may include files of the repository, which GitLab takes from the pipeline's commit.
 *
 * A child pipeline of a merge request pipeline has the merge request's variables, but another CI_PIPELINE_SOURCE, and
 * jobs without `rules` would be omitted: `workflow` makes all of them run.
 */
export function renderDynamicPipeline(options: DynamicPipelineOptions, agents: number): string {
  const included = gitlabFileIn(options);
  return file(
    comment(`Written by \`dte plan\`; the jobs are defined in ${included}.`),
    ['include:', `  - local: ${scalar(included)}`],
    block('workflow', 'rules:', '  - when: always'),
    list('stages', [options.stage]),
    block('variables', ...comment('Selects the jobs for the child pipeline.'), `${PLANNED_VARIABLE}: "true"`),
    agents === 0 ? none(options) : some(options, agents),
  );
}
