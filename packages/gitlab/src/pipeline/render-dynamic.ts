import { expectedAgents } from './jobs';
import { GITLAB_FILE, PLANNED_VARIABLE, type GitlabFileOptions } from './options';
import { block, comment, file, list } from './text';

/** Only `stage` matters: a child pipeline declares its own stages. The rest is in the included file. */
export type DynamicPipelineOptions = Pick<GitlabFileOptions, 'stage'> & Partial<GitlabFileOptions>;

const some = (agents: number): string[] => [
  ...block('nx', ...expectedAgents(String(agents))),
  ...block('nx-agent', `parallel: ${agents}`),
];

const NONE: readonly string[] = [
  ...comment('There is no work for agents.'),
  ...block('nx-agent', 'rules:', '  - when: never'),
  '',
  ...block(
    'nx',
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
export function renderDynamicPipeline({ stage }: DynamicPipelineOptions, agents: number): string {
  return file(
    comment(`Written by \`dte plan\`; the jobs are defined in ${GITLAB_FILE}.`),
    ['include:', `  - local: ${GITLAB_FILE}`],
    block('workflow', 'rules:', '  - when: always'),
    list('stages', [stage]),
    block('variables', ...comment('Selects the jobs for the child pipeline.'), `${PLANNED_VARIABLE}: "true"`),
    agents === 0 ? NONE : some(agents),
  );
}
