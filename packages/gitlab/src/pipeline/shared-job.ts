import type { GitlabFileOptions } from './options';
import { packageManagerSteps } from './package-managers';
import { idOf, inRepository, jobIn, withId, type Placed } from './place';
import { block, comment, item, list, scalar } from './text';

// Without `script_failure`: a retry does not help a failed task, and a rejected agent prints what to do.
const RUNNER_FAILURES = [
  'runner_system_failure',
  'stuck_or_timeout_failure',
  'scheduler_failure',
  'api_failure',
] as const;

export const AT_ONCE: readonly string[] = [
  ...comment(
    'Starts immediately, without waiting for earlier stages: main job and agents must run at the same time.',
  ),
  'needs: []',
  ...comment('Cancelled when a newer commit makes the pipeline redundant.'),
  'interruptible: true',
];

export const RETRY: readonly string[] = [
  ...comment('Retried only if the runner fails, not if a task fails.'),
  ...block('retry', 'max: 2', ...list('when', RUNNER_FAILURES)),
];

export const ID_TOKENS: readonly string[] = [
  ...comment('Proves to the other jobs that this job belongs to the same project, pipeline and commit.'),
  ...block('id_tokens', ...block('DTE_ID_TOKEN', 'aud: dte')),
];

export const COMMON_VARIABLES: readonly string[] = [
  ...comment('The full history: `nx affected` may compare with an old commit.'),
  'GIT_DEPTH: "0"',
  ...comment('Without it, Nx refuses split targets (e2e-ci), because it does not detect dte.'),
  'NX_SKIP_ATOMIZER_VALIDATION: "true"',
];

/** How the jobs of a pipeline find their coordinator. */
const coordinatorVariables = (coordinator: string): string[] =>
  coordinator === 'embedded'
    ? [
        ...comment(
          "Main job and agents find each other through the project's package registry, which must be enabled",
          '(Settings > General > Visibility; enabled by default).',
        ),
        'DTE_RENDEZVOUS: gitlab-packages',
      ]
    : [
        ...comment(
          'The standalone coordinator (`dte coordinator`); every job connects to it, and no job to another.',
        ),
        `DTE_COORDINATOR_URL: ${scalar(coordinator)}`,
      ];

/** Below `rules:`: merge request pipelines (including merged results and merge trains), and pipelines of the main branch. */
export const pipelineRules = (mainBranch: string): string[] => {
  // GitLab's expressions have no escapes, but two kinds of quotes.
  const quote = mainBranch.includes('"') ? "'" : '"';
  return [
    '  - if: $CI_MERGE_REQUEST_IID',
    `  - if: ${scalar(`$CI_COMMIT_BRANCH == ${quote}${mainBranch}${quote}`)}`,
  ];
};

export const WHICH_PIPELINES: readonly string[] = comment(
  'Merge request pipelines and pipelines of the main branch. If your `workflow` creates only branch pipelines, use',
  '`- if: $CI_COMMIT_BRANCH` instead.',
);

/** A cache of downloaded packages, one for each content of the lock file. */
const packagesCache = (prefix: string, lockfiles: readonly string[], folder: string): string[] => [
  ...block('key', `prefix: ${prefix}`, ...list('files', lockfiles)),
  ...list('paths', [folder]),
];

const PACKAGES_COMMENT = comment(
  'Downloaded packages; a new cache for each lockfile. Nx does not hash this folder.',
);

/** The keyword `cache` of a job that caches only packages. */
const cache = (prefix: string, lockfiles: readonly string[], folder: string): string[] => [
  ...PACKAGES_COMMENT,
  ...block('cache', ...packagesCache(prefix, lockfiles, folder)),
];

/** Where a main job has the inputs of its tasks, and an embedded coordinator what it knows about flaky tasks. */
export const HISTORY_FOLDER = '.nx/dte/history/';

/** Where a main job has its reports. */
export const REPORT_FOLDER = '.nx/dte/report/';

/** Where a main job has the results that it keeps for later pipelines (`gitlab-artifacts`). */
export const CACHE_FOLDER = '.nx/dte/cache/';

/** What outlives pipelines; it is most valuable after a failed job. */
const historyCache = (key: string, folder: string): string[] => [
  `key: ${key}`,
  ...list('paths', [folder]),
  'when: always',
];

/**
 * The keyword `cache` of a main job. It replaces that of the extended jobs as a whole.
 * @param more lines for both, such as a policy
 */
export const mainCache = (
  prefix: string,
  lockfiles: readonly string[],
  folder: string,
  { key, history, more = [] }: { key: string; history: string; more?: readonly string[] },
): string[] => [
  ...comment(
    'Downloaded packages (a new cache for each lockfile), and the history of tasks (`dte why`, flaky tasks).',
  ),
  'cache:',
  ...item([...packagesCache(prefix, lockfiles, folder), ...more]),
  ...item([...historyCache(key, history), ...more]),
];

/** Below the repository's root: the pipeline may have main jobs of other workspaces. */
const workspaceVariables = (placed: Placed): string[] => {
  const id = idOf(placed);
  if (id === null) return [];
  return [
    ...comment("Separates this workspace's main job and agents from those of other workspaces."),
    `DTE_ENVIRONMENT: ${scalar(id)}`,
  ];
};

/** `.dte`: everything that the script jobs share. */
export function sharedJob(options: GitlabFileOptions): string[] {
  const { stage, image, tags, packageManager, lockfile, coordinator, mainBranch, dynamic } = options;
  const { cacheFolder, variables } = packageManagerSteps(options);
  return [
    ...comment('Shared by all jobs.'),
    ...block(
      scalar(jobIn(options, '.dte')),
      `stage: ${scalar(stage)}`,
      ...(image === null ? [] : [`image: ${scalar(image)}`]),
      ...list('tags', tags),
      ...AT_ONCE,
      ...RETRY,
      ...(dynamic ? [] : [...WHICH_PIPELINES, 'rules:', ...pipelineRules(mainBranch)]),
      ...ID_TOKENS,
      ...block(
        'variables',
        ...coordinatorVariables(coordinator),
        ...workspaceVariables(options),
        ...COMMON_VARIABLES,
        ...Object.entries(variables).map(([name, value]) => `${name}: ${scalar(value)}`),
      ),
      ...cache(
        withId(options, `dte-${packageManager}`),
        [inRepository(options, lockfile)],
        inRepository(options, cacheFolder),
      ),
    ),
  ];
}
