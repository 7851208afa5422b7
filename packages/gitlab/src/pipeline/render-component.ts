import { AGENT_KEYWORDS, MAIN_JOB_COMMENT, baseAndHead, expectedAgents, mainArtifacts, script } from './jobs';
import { CACHE_POLICY_VARIABLE, type PackageManager } from './options';
import { PACKAGE_MANAGERS, lockfilesOf, packageManagerSteps } from './package-managers';
import {
  AT_ONCE,
  COMMON_VARIABLES,
  HISTORY_FOLDER,
  ID_TOKENS,
  mainCache,
  REPORT_FOLDER,
  RETRY,
  WHICH_PIPELINES,
} from './shared-job';
import { block, comment, file, list, scalar } from './text';

const input = (name: string): string => `$[[ inputs.${name} ]]`;
const inFolder = (path: string): string => `${input('folder')}${path}`;
const ENTER = `cd "$CI_PROJECT_DIR/${input('folder')}"`;
const named = (job: string): string => scalar(`${job}${input('job-suffix')}`);

interface Input {
  readonly description: string;
  /** As written in the file. */
  readonly value: string;
  readonly type?: 'string' | 'number' | 'array';
  readonly options?: readonly string[];
  readonly regex?: string;
}

const NONE = '""';
const INPUTS: Readonly<Record<string, Input>> = {
  agents: { description: 'Agent jobs.', type: 'number', value: '3' },
  parallel: { description: 'Number of tasks at a time on each agent.', type: 'number', value: '2' },
  targets: {
    description: 'Nx targets, separated by commas. The agents stop after the last one.',
    // It becomes part of a command line.
    regex: '^[A-Za-z0-9_.,:@/-]+$',
    value: 'lint,test,build,e2e-ci',
  },
  'package-manager': {
    description: 'yarn is yarn 1 from the image; yarn-berry is yarn 2 and later.',
    options: PACKAGE_MANAGERS,
    value: 'npm',
  },
  image: { description: 'Image of all jobs. Shell runners ignore it.', value: 'node:22' },
  stage: { description: 'Stage of all jobs.', value: 'test' },
  folder: {
    description:
      'Folder of the workspace with a slash at the end, such as apps/web/, if it is not the root of the repository. If the pipeline has several workspaces, give each one a different job-suffix and environment, too.',
    regex: '^([A-Za-z0-9_.@-]+/)*$',
    value: NONE,
  },
  artifacts: {
    description:
      'Folders or globs that the main job keeps as artifacts, from the root of the repository. The last one has the reports: keep it, with the folder in front of it.',
    type: 'array',
    value: `["dist", "${REPORT_FOLDER}"]`,
  },
  cache: {
    description:
      'Where the main job keeps results for later pipelines: s3 or gitlab-artifacts. With gitlab-artifacts, add .nx/dte/cache/ to artifacts, with the folder in front of it. Default: the option of nx.json, or none.',
    regex: '^(none|s3|gitlab-artifacts)?$',
    value: NONE,
  },
  'coordinator-url': {
    description:
      'Address of a standalone coordinator (`dte coordinator`). Without it, the main job starts one.',
    value: NONE,
  },
  environment: {
    description: 'Separates several main jobs of one pipeline; give each one a different job-suffix, too.',
    value: NONE,
  },
  'job-suffix': { description: 'Appended to the names of the jobs `nx` and `nx-agent`.', value: NONE },
};

const describeInput = ([name, { description, type = 'string', options, regex, value }]: [
  string,
  Input,
]): string[] =>
  block(
    name,
    `description: ${scalar(description)}`,
    // Written even if it is GitLab's default: GitLab's editor also accepts a number for an input without a type.
    `type: ${type}`,
    ...(options === undefined ? [] : list('options', options)),
    ...(regex === undefined ? [] : [`regex: ${scalar(regex)}`]),
    `default: ${value}`,
  );

const HEADER = comment(
  'GitLab CI/CD component: Nx tasks distributed over jobs of a pipeline. GitLab 17.0 or later; the repository needs',
  '`@org/dte` among its dependencies and in nx.json (`nx g @org/dte:setup-gitlab` writes both, and jobs like these).',
  '',
  '  include:',
  '    - component: $CI_SERVER_FQDN/<group>/<project>/dte@<version>',
  '      inputs:',
  '        agents: 5',
  '        package-manager: pnpm',
  '',
  'Set runner tags, services and so on in .gitlab-ci.yml under `default:`, or under `nx:` and `nx-agent:`. Only',
  '`before_script` is already in use, for the install.',
).map((line) => line.trimEnd());

/** Installs, and defines how to run programs of the dependencies: a component has no other way to choose a command. */
function managerJob(packageManager: PackageManager): string[] {
  const steps = packageManagerSteps({ packageManager, packageManagerVersion: null });
  const variables = Object.entries(steps.variables).map(([name, value]) => `${name}: ${scalar(value)}`);
  return block(
    named(`.dte-${packageManager}`),
    ...(variables.length === 0 ? [] : block('variables', ...variables)),
    ...mainCache(
      named(`dte-${packageManager}`),
      lockfilesOf(packageManager).map(inFolder),
      inFolder(steps.cacheFolder),
      {
        key: named('dte-history'),
        history: inFolder(HISTORY_FOLDER),
        more: [`policy: $${CACHE_POLICY_VARIABLE}`],
      },
    ),
    ...list('before_script', [ENTER, ...steps.install, `run() { ${steps.run} "$@"; }`]),
  );
}

const extending = ['extends:', `  - ${named('.dte')}`, `  - ${named(`.dte-${input('package-manager')}`)}`];

const SHARED = [
  ...comment('Shared by all jobs.'),
  ...block(
    named('.dte'),
    `stage: ${input('stage')}`,
    `image: ${input('image')}`,
    ...AT_ONCE,
    ...RETRY,
    ...WHICH_PIPELINES,
    'rules:',
    '  - if: $CI_MERGE_REQUEST_IID',
    '  - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH',
    ...ID_TOKENS,
    ...block(
      'variables',
      ...comment(
        "Main job and agents find each other through the project's package registry, unless an address is set.",
      ),
      'DTE_RENDEZVOUS: gitlab-packages',
      `DTE_COORDINATOR_URL: ${scalar(input('coordinator-url'))}`,
      `DTE_ENVIRONMENT: ${scalar(input('environment'))}`,
      ...COMMON_VARIABLES,
      ...comment('Only the main job writes caches.'),
      `${CACHE_POLICY_VARIABLE}: pull-push`,
    ),
  ),
];

const MAIN = [
  ...MAIN_JOB_COMMENT,
  ...block(
    named('nx'),
    ...extending,
    ...expectedAgents(input('agents')),
    `  DTE_CACHE: ${scalar(input('cache'))}`,
    ...script(
      `targets="${input('targets')}"`,
      'run dte start-ci-run --distribute-on=manual --stop-agents-after="${targets##*,}"',
      ...baseAndHead('run'),
      `run nx affected --base="$NX_BASE" --head="$NX_HEAD" -t "$targets" --parallel=${input('parallel')}`,
    ),
    // The function `run` does not exist here, because this is another shell.
    ...list('after_script', [
      ENTER,
      'test ! -e node_modules/.bin/dte || node_modules/.bin/dte complete-ci-run',
    ]),
    ...mainArtifacts([`paths: ${input('artifacts')}`], inFolder(REPORT_FOLDER)),
  ),
];

const AGENT = [
  ...comment('The agents: each waits for tasks, and exits when there are none left.'),
  ...block(
    named('nx-agent'),
    ...extending,
    `parallel: ${input('agents')}`,
    ...AGENT_KEYWORDS,
    ...block('variables', `${CACHE_POLICY_VARIABLE}: pull`),
    ...script('run dte start-agent'),
  ),
];

/** The CI/CD component (`templates/dte/template.yml`): the output of `renderGitlabFile`, with inputs for its options. */
export const renderComponent = (): string =>
  [
    file(HEADER),
    file(block('spec', ...block('inputs', ...Object.entries(INPUTS).flatMap(describeInput)))),
    '---\n',
    file(SHARED, ...PACKAGE_MANAGERS.map(managerJob), MAIN, AGENT),
  ].join('');
