import { DteError } from '@org/dte-protocol';
import { PLANNED_VARIABLE, type GitlabFileOptions } from './options';
import { packageManagerSteps } from './package-managers';
import { enter, inRepository, jobIn, withId } from './place';
import { CACHE_FOLDER, HISTORY_FOLDER, mainCache, REPORT_FOLDER } from './shared-job';
import { firstPool } from './pools';
import { block, comment, list, scalar, word } from './text';

const ARTIFACTS_KEPT = '5 days';

export const script = (...commands: readonly string[]): string[] => list('script', commands);

/**
 * Tells late agents that the session is over: with the Docker executor, the coordinator exits after the last line of
 * the script. If the installation has failed, `run` must not download an unrelated package named `dte`.
 */
function afterScript(options: GitlabFileOptions, run: string): string[] {
  const installedOnly: Readonly<Record<string, string>> = { npx: 'npx --no', bunx: 'bunx --no-install' };
  return list('after_script', [...enter(options), `${installedOnly[run] ?? run} dte complete-ci-run`]);
}

/** In two steps: `export NX_BASE=$(...)` would hide a failure of the command. */
export const baseAndHead = (run: string): string[] => [
  'export NX_HEAD=$CI_COMMIT_SHA',
  `NX_BASE=$(${run} dte base-sha)`,
  'export NX_BASE',
];

function lastOf(targets: readonly string[]): string {
  const last = targets.at(-1);
  if (last === undefined)
    throw new DteError('DTE_BAD_CONFIG', 'No targets: set at least one, for example --targets=build.');
  return last;
}

const onlyPlanned = (dynamic: boolean): string[] =>
  dynamic ? [...comment('Only in the child pipeline.'), 'rules:', `  - if: $${PLANNED_VARIABLE}`] : [];

export const MAIN_JOB_COMMENT: readonly string[] = comment(
  'The main job: distributes the tasks, and ends as if it had run everything itself, with the same exit code, terminal output',
  'and files. It needs no agents: without any, it runs the tasks itself.',
);

/** What is said above the artifacts of a main job that keeps results for later pipelines there. */
const KEPT_RESULTS = comment(
  `${CACHE_FOLDER} has results for later pipelines, which expire with the rest (\`expire_in\`). Jobs of later stages download all of`,
  'this unless they have `dependencies: []` or `needs`.',
);

/**
 * The keyword `artifacts` of the main job.
 * @param paths with the folder of the reports
 * @param folder of the reports
 * @param more comments
 */
export const mainArtifacts = (
  paths: readonly string[],
  folder: string,
  more: readonly string[] = [],
): string[] => [
  ...comment(
    'Kept after a failure, too: the report says what failed. So no job may deploy these files unless this one has passed: not with',
    '`when: always` there, and not with `allow_failure` here.',
  ),
  ...more,
  ...block(
    'artifacts',
    'when: always',
    ...paths,
    ...block(
      'reports',
      ...comment('Each Nx task as a test case: in the pipeline and in the merge request.'),
      `junit: ${scalar(`${folder}junit.xml`)}`,
      ...comment('Links to the reports on the page of the job.'),
      `annotations: ${scalar(`${folder}annotations.json`)}`,
    ),
    `expire_in: ${ARTIFACTS_KEPT}`,
  ),
];

/** The keyword `extends` of all our jobs. */
export const extending = (options: GitlabFileOptions): string => `extends: ${scalar(jobIn(options, '.dte'))}`;

/** The expected number of agents: with `mainSlots: auto`, the main job runs tasks itself while fewer are connected. */
export const expectedAgents = (agents: string): string[] =>
  block(
    'variables',
    ...comment('The value of `parallel` in `nx-agent` (see mainSlots).'),
    `DTE_EXPECTED_AGENTS: ${agents}`,
  );

function artifactsOf(options: GitlabFileOptions): string[] {
  const here = (path: string): string => inRepository(options, path);
  const keepsResults = options.cache === 'gitlab-artifacts';
  const folders = [REPORT_FOLDER, ...(keepsResults ? [CACHE_FOLDER] : [])];
  const paths = list('paths', [...options.artifacts, ...folders].map(here));
  return mainArtifacts(paths, here(REPORT_FOLDER), keepsResults ? KEPT_RESULTS : []);
}

/** Job `nx`: defines the work. */
export function mainJob(options: GitlabFileOptions): string[] {
  const { targets, parallel, dynamic, packageManager, lockfile, formatCheck } = options;
  const { install, run, cacheFolder } = packageManagerSteps(options);
  const here = (path: string): string => inRepository(options, path);
  const affected = [
    `${run} nx affected --base="$NX_BASE" --head="$NX_HEAD"`,
    `-t ${word(targets.join(','))} --parallel=${parallel}`,
  ];
  return [
    ...MAIN_JOB_COMMENT,
    ...block(
      scalar(jobIn(options, 'nx')),
      extending(options),
      ...onlyPlanned(dynamic),
      ...(dynamic ? [] : expectedAgents(String(options.agents))),
      ...mainCache(withId(options, `dte-${packageManager}`), [here(lockfile)], here(cacheFolder), {
        key: withId(options, 'dte-history'),
        history: here(HISTORY_FOLDER),
      }),
      ...script(
        ...enter(options),
        ...install,
        `${run} dte start-ci-run --distribute-on=manual --stop-agents-after=${word(lastOf(targets))}`,
        ...baseAndHead(run),
        ...(formatCheck ? [`${run} dte record -- nx format:check --base="$NX_BASE" --head="$NX_HEAD"`] : []),
        affected.join(' '),
      ),
      ...afterScript(options, run),
      ...artifactsOf(options),
    ),
  ];
}

/** The differences between an agent job and the main job, apart from the script. */
export const AGENT_KEYWORDS: readonly string[] = [
  ...comment(
    'An agent that is lost or rejected costs time but does not fail the pipeline: its tasks run elsewhere.',
  ),
  'allow_failure: true',
];

const READ_ONLY_CACHE = block('cache', ...comment('Only the main job writes the cache.'), 'policy: pull');

/** Job `nx-agent`: as many as configured, or as a plan determines. */
export function agentJob(options: GitlabFileOptions): string[] {
  const { parallel, dynamic, slots } = options;
  const { agents, variables } = firstPool(options);
  const { install, run } = packageManagerSteps(options);
  return [
    ...comment(
      'The agents: each waits for tasks, and exits when there are none left.',
      ...(dynamic ? ['The child pipeline sets their number.'] : []),
    ),
    ...block(
      scalar(jobIn(options, 'nx-agent')),
      extending(options),
      ...onlyPlanned(dynamic),
      ...(dynamic
        ? []
        : [
            ...comment(
              `Number of agents; each runs up to ${parallel} tasks at a time (--parallel of the main job).`,
            ),
            `parallel: ${agents}`,
          ]),
      ...variables,
      ...AGENT_KEYWORDS,
      ...READ_ONLY_CACHE,
      ...script(
        ...enter(options),
        ...install,
        `${run} dte start-agent${slots === 'auto' ? ' --slots=auto' : ''}`,
      ),
    ),
  ];
}
