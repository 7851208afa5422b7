import { LIMITS, onHashMismatchSchema, sessionIdSchema, type Limit, type LimitName } from '@org/dte-protocol';
import { z } from 'zod';
import {
  httpAddress,
  httpAddresses,
  line,
  numbersByTarget,
  slotsOrAuto,
  table,
  targetPattern,
  wholeNumber,
  words,
  yesOrNo,
} from './kinds';

/** What a person needs to know about one option, beside its shape. */
export interface About {
  readonly description: string;
  readonly unit?: 'ms' | 'bytes' | 'count';
  /** The default as documentation shows it. */
  readonly defaultText: string;
  readonly env: string | null;
  /** Long flag of the CLI, with its argument; null when there is none. */
  readonly flag: string | null;
  /** May it stand in nx.json (tasksRunnerOptions.default.options)? */
  readonly nxJson: boolean;
  /** Never printed. */
  readonly secret?: true;
}

const registry = z.registry<About>();

function option<S extends z.ZodType>(about: About, schema: S): S {
  registry.add(schema, about);
  return schema;
}

const NONE = '–';

type ConfigurableLimit = {
  [K in LimitName]: (typeof LIMITS)[K]['env'] extends null ? never : K;
}[LimitName];

const limitOption = ([name, limit]: [string, Limit]) => [
  name,
  option(
    {
      description: limit.why,
      unit: limit.unit,
      defaultText: String(limit.value),
      env: limit.env,
      flag: null,
      nxJson: true,
    },
    wholeNumber(1).optional(),
  ),
];

const limitShape = Object.fromEntries(
  Object.entries(LIMITS)
    .filter(([, limit]) => limit.env !== null)
    .map(limitOption),
) as Record<ConfigurableLimit, z.ZodOptional<ReturnType<typeof wholeNumber>>>;

/**
 * All configuration of the product: every value passes through here, whatever its source, and
 * docs/configuration.md is written from it (`node tools/docs.mjs`).
 */
export const configSchema = z.strictObject({
  session: option(
    {
      description: 'Name of the session that the main job and its agents share.',
      defaultText: '`<CI_PROJECT_ID>-<CI_PIPELINE_ID>` on GitLab (with `-<environment>`), else `local`',
      env: 'DTE_SESSION_ID',
      flag: '--session <id>',
      nxJson: false,
    },
    sessionIdSchema.optional(),
  ),
  environment: option(
    {
      description: 'Tells several sessions of one pipeline apart (several main jobs).',
      defaultText: NONE,
      env: 'DTE_ENVIRONMENT',
      flag: null,
      nxJson: false,
    },
    sessionIdSchema.optional(),
  ),
  coordinatorUrl: option(
    {
      description:
        'Address of a coordinator that is already there. Distribution is on when this, `rendezvousDir` or `rendezvous` is set.',
      defaultText: NONE,
      env: 'DTE_COORDINATOR_URL',
      flag: '--coordinator-url <url>',
      nxJson: true,
    },
    httpAddress().optional(),
  ),
  rendezvousDir: option(
    {
      description: 'Folder that all jobs see; the main job leaves the address of its coordinator there.',
      defaultText: NONE,
      env: 'DTE_RENDEZVOUS_DIR',
      flag: '--rendezvous-dir <dir>',
      nxJson: true,
    },
    line(4096).optional(),
  ),
  rendezvous: option(
    {
      description:
        "How jobs find each other when neither an address nor a folder is given: `gitlab-packages` is the project's generic package registry, with CI_JOB_TOKEN. Counts in GitLab jobs only.",
      defaultText: NONE,
      env: 'DTE_RENDEZVOUS',
      flag: null,
      nxJson: true,
    },
    z.enum(['gitlab-packages'], 'expected gitlab-packages').optional(),
  ),
  idToken: option(
    {
      description:
        "GitLab's id token of this job (keyword `id_tokens`); says which project and pipeline this is, and proves it to the other side.",
      defaultText: NONE,
      env: 'DTE_ID_TOKEN',
      flag: null,
      nxJson: false,
      secret: true,
    },
    line(LIMITS.idTokenBytes.value).optional(),
  ),
  issuers: option(
    {
      description:
        'GitLab instances whose id tokens count, as their jobs know them (CI_SERVER_URL). A coordinator with one takes nobody without a valid token.',
      defaultText: 'CI_SERVER_URL where the job has an id token; none for `dte coordinator`',
      env: 'DTE_ISSUERS',
      flag: '--issuers <urls>',
      nxJson: false,
    },
    httpAddresses(8).optional(),
  ),
  sharedTrust: option(
    {
      description:
        'Everybody who has DTE_SECRET is one trust domain: a coordinator without `issuers` that other machines reach then serves any project and GitLab pipelines too, and whoever has the secret can replace what any of them stores. See docs/security.md.',
      defaultText: '`false`',
      env: 'DTE_SHARED_TRUST',
      flag: '--shared-trust',
      nxJson: false,
    },
    yesOrNo().default(false),
  ),
  audience: option(
    {
      description: 'Audience (`aud`) that id tokens must be made for.',
      defaultText: '`dte`',
      env: 'DTE_AUDIENCE',
      flag: '--audience <name>',
      nxJson: true,
    },
    line(255).default('dte'),
  ),
  logLevel: option(
    {
      description:
        'What a coordinator writes to its log, a line of JSON each: `info` has who came and left, what became of each run and why attempts were lost; `debug` also every assignment and the end of every task. Or `warn`, `error`, `silent`.',
      defaultText: '`info`',
      env: 'DTE_LOG_LEVEL',
      flag: '--log-level <level>',
      nxJson: true,
    },
    z
      .enum(['silent', 'error', 'warn', 'info', 'debug'], 'expected silent, error, warn, info or debug')
      .default('info'),
  ),
  secret: option(
    {
      description:
        'Shared secret; proves both sides to each other and is never sent. Required as soon as agents run on other machines, unless they have id tokens.',
      defaultText: NONE,
      env: 'DTE_SECRET',
      flag: null,
      nxJson: false,
      secret: true,
    },
    line(1024).optional(),
  ),
  gitlabToken: option(
    {
      description:
        'Token that may read pipelines (scope `read_api`): `dte base-sha` then compares a branch with its last pipeline that passed.',
      defaultText: '`GITLAB_TOKEN`',
      env: 'DTE_GITLAB_TOKEN',
      flag: null,
      nxJson: false,
      secret: true,
    },
    line(1024).optional(),
  ),
  dataDir: option(
    {
      description: "Folder of the coordinator's journal and artifacts, and of its log.",
      defaultText: '`<workspace>/.nx/dte`',
      env: 'DTE_DATA_DIR',
      flag: '--data-dir <dir>',
      nxJson: true,
    },
    line(4096).optional(),
  ),
  host: option(
    {
      description:
        'Address that the coordinator listens on. `0.0.0.0` to be reached from other machines (then jobs need id tokens or a secret).',
      defaultText: '`127.0.0.1`; `0.0.0.0` for the main job with the rendezvous `gitlab-packages`',
      env: 'DTE_HOST',
      flag: '--host <address>',
      nxJson: true,
    },
    line(255).optional(),
  ),
  port: option(
    {
      description: 'Port that the coordinator listens on; 0 takes a free one.',
      defaultText: '0 (embedded), 7337 (`dte coordinator`)',
      env: 'DTE_PORT',
      flag: '--port <port>',
      nxJson: true,
    },
    wholeNumber(0, 65_535).optional(),
  ),
  advertisedUrl: option(
    {
      description:
        'Address under which agents reach the coordinator of the main job, when it is not the one it listens on.',
      defaultText: 'the address it listens on',
      env: 'DTE_ADVERTISED_URL',
      flag: '--advertised-url <url>',
      nxJson: false,
    },
    httpAddress().optional(),
  ),
  slots: option(
    {
      description: 'Tasks at a time on this agent.',
      unit: 'count',
      defaultText: "the run's --parallel",
      env: 'DTE_SLOTS',
      flag: '--slots <n>',
      nxJson: false,
    },
    wholeNumber(1, LIMITS.slotsPerAgent.value).optional(),
  ),
  name: option(
    {
      description: 'Name of this agent in logs.',
      defaultText: '`CI_JOB_NAME`, else host and process id',
      env: 'DTE_NAME',
      flag: '--name <name>',
      nxJson: false,
    },
    line(256).optional(),
  ),
  labels: option(
    {
      description: 'Labels of this agent: assignment rules send tasks to agents by them.',
      defaultText: NONE,
      env: 'DTE_LABELS',
      flag: '--labels <list>',
      nxJson: false,
    },
    words(32).default([]),
  ),
  stopAgentsAfter: option(
    {
      description:
        'Free the agents when a command that names one of these targets has ended and nothing is left.',
      defaultText: NONE,
      env: 'DTE_STOP_AGENTS_AFTER',
      flag: '--stop-agents-after <targets>',
      nxJson: true,
    },
    words(100).default([]),
  ),
  stopAgentsOnFailure: option(
    {
      description: 'Free the agents at the first failed task.',
      defaultText: 'false',
      env: 'DTE_STOP_AGENTS_ON_FAILURE',
      flag: '--stop-agents-on-failure',
      nxJson: true,
    },
    yesOrNo().default(false),
  ),
  requireExplicitCompletion: option(
    {
      description: 'Keep the session open until `dte complete-ci-run`.',
      defaultText: 'false',
      env: 'DTE_REQUIRE_EXPLICIT_COMPLETION',
      flag: '--require-explicit-completion',
      nxJson: true,
    },
    yesOrNo().default(false),
  ),
  onHashMismatch: option(
    {
      description:
        "What becomes of a task that has another hash on its agent than in the main job: `fail` (it fails, and the differing inputs are named), `run-on-main` (the main job runs it), `warn` (the agent runs it; it is stored under the hash that it has there), `auto` (`run-on-main` where uncommitted changes of the main job's files are the reason, as in plain Nx; `fail` otherwise).",
      defaultText: '`auto`',
      env: 'DTE_ON_HASH_MISMATCH',
      flag: null,
      nxJson: true,
    },
    z.enum(['auto', ...onHashMismatchSchema.options]).default('auto'),
  ),
  samePlatform: option(
    {
      description:
        "Tasks depend on operating system or architecture: agents of another platform than the main job's are refused.",
      defaultText: 'false',
      env: 'DTE_SAME_PLATFORM',
      flag: null,
      nxJson: true,
    },
    yesOrNo().default(false),
  ),
  forwardEnv: option(
    {
      description:
        "Names of variables of the main job that tasks on agents see as it does, beside Nx's own switches and what hooks of plugins set; one that is not set there is not set for them either. Values are kept in memory only: never in a journal, a log or on an agent's disk.",
      defaultText: NONE,
      env: 'DTE_FORWARD_ENV',
      flag: null,
      nxJson: true,
    },
    words(LIMITS.forwardedNames.value).default([]),
  ),
  mainSlots: option(
    {
      description:
        'Tasks at a time that the main job runs itself beside its agents, as one of them. `auto`: as many as it has cores, while fewer than `expectedAgents` are there.',
      unit: 'count',
      defaultText: '0',
      env: 'DTE_MAIN_SLOTS',
      flag: null,
      nxJson: true,
    },
    slotsOrAuto().default(0),
  ),
  expectedAgents: option(
    {
      description: 'Agents that the pipeline has, for `mainSlots: auto`; `setup-gitlab` writes the variable.',
      unit: 'count',
      defaultText: '1',
      env: 'DTE_EXPECTED_AGENTS',
      flag: null,
      nxJson: true,
    },
    wholeNumber(0, LIMITS.agentsPerSession.value).default(1),
  ),
  restoreOutputs: option(
    {
      description:
        'Whose outputs come back to the main job: of `all` tasks, of those `requested` on the command line, or of `none`. Failed tasks bring theirs in any case, and what is in the local cache already is put in place. The summary says what was not downloaded; `dte outputs` fetches it.',
      defaultText: '`all`',
      env: 'DTE_RESTORE_OUTPUTS',
      flag: null,
      nxJson: true,
    },
    z.enum(['all', 'requested', 'none'], 'expected all, requested or none').default('all'),
  ),
  restoreGlobs: option(
    {
      description:
        'Files that come back all the same when `restoreOutputs` leaves the outputs they belong to: globs, relative to the workspace (`**/coverage/**`).',
      defaultText: NONE,
      env: 'DTE_RESTORE_GLOBS',
      flag: null,
      nxJson: true,
    },
    words(100).default([]),
  ),
  assignmentRules: option(
    {
      description:
        'Which tasks run on which agents, as in `.nx/dte.yaml`, for workspaces that keep everything in nx.json ([assignment rules](assignment-rules.md)).',
      defaultText: 'those of `.nx/dte.yaml`',
      env: null,
      flag: null,
      nxJson: true,
    },
    // Checked where problems can be said with their lines.
    z.array(z.unknown(), 'expected a list of rules').optional(),
  ),
  runOnMain: option(
    {
      description:
        'Tasks that only the main job runs, because they need what is on its disk: targets or `project:target`, with `*` and `?`; `!` takes out again. They are added to `nx-release-publish` and `docker:build`, which `!nx-release-publish` or `!docker:build` takes out ([what runs on the main job](run-on-main.md)).',
      defaultText: '`nx-release-publish`, `docker:build`',
      env: 'DTE_RUN_ON_MAIN',
      flag: null,
      nxJson: true,
    },
    words(200).pipe(z.array(targetPattern())).default([]),
  ),
  weights: option(
    {
      description: 'Expected durations by `project:target` or `target`, in ms; longer chains start first.',
      unit: 'ms',
      defaultText: 'all equal',
      env: 'DTE_WEIGHTS',
      flag: null,
      nxJson: true,
    },
    table().default({}),
  ),
  taskTimeoutMs: option(
    {
      description:
        'Longest time the command of a task may run on an agent; then it is ended with everything it has started and has failed. One number, or a table by `project:target`, `target` and `*`, the most exact counts. Tasks that the main job runs itself are limited by its own job timeout.',
      unit: 'ms',
      defaultText: 'no limit',
      env: 'DTE_TASK_TIMEOUT_MS',
      flag: null,
      nxJson: true,
    },
    numbersByTarget(1).default({}),
  ),
  retries: option(
    {
      description:
        'How often a task that fails on an agent is run once more, on another agent if there is one; its last failure counts. One number, or a table by `project:target`, `target` and `*`, the most exact counts; a part of an atomized target (`e2e-ci--<file>`) goes by the name of that, too. Tasks that the main job runs itself run once.',
      unit: 'count',
      defaultText: '0',
      env: 'DTE_RETRIES',
      flag: null,
      nxJson: true,
    },
    numbersByTarget(0, LIMITS.retriesPerTask.value).default({}),
  ),
  retryFlaky: option(
    {
      description:
        'Run a cacheable task once more that fails and is known to be flaky: one that failed and succeeded with the same hash within `flakyMs`, in whichever pipelines of the project.',
      defaultText: 'true',
      env: 'DTE_RETRY_FLAKY',
      flag: null,
      nxJson: true,
    },
    yesOrNo().default(true),
  ),
  historyDir: option(
    {
      description:
        'Folder in which a coordinator remembers, beyond pipelines, which tasks are flaky. Several may share it.',
      defaultText: '`history` in the data folder',
      env: 'DTE_HISTORY_DIR',
      flag: '--history-dir <dir>',
      nxJson: true,
    },
    line(4096).optional(),
  ),
  ...limitShape,
});

/** All options after defaults; limits are absent unless set (see `Resolved.limits`). */
export type Config = z.output<typeof configSchema>;
export type OptionName = keyof Config;

const aboutOf = (name: OptionName): About => {
  const about = registry.get(configSchema.shape[name]);
  if (about === undefined) throw new Error(`option ${name} is not documented`);
  return about;
};

/** Every option with its documentation, in the order of the schema. */
export const OPTIONS: readonly { readonly name: OptionName; readonly about: About }[] = (
  Object.keys(configSchema.shape) as OptionName[]
).map((name) => ({ name, about: aboutOf(name) }));

/** Variables that processes of ours set for each other; not for people. */
export const INTERNAL_ENV: readonly string[] = [
  'DTE_EXECUTOR',
  'DTE_PLAN_FILE',
  'DTE_PLANNED',
  'DTE_CACHE_POLICY',
];
