import {
  LIMITS,
  onHashMismatchSchema,
  sessionIdSchema,
  sharingSchema,
  type Limit,
  type LimitName,
} from '@org/dte-protocol';
import { z } from './zod';
import {
  choiceByTarget,
  fraction,
  httpAddress,
  httpAddresses,
  line,
  numbersByTarget,
  agentSlots,
  slotsOrAuto,
  table,
  targetPattern,
  wholeNumber,
  words,
  yesOrNo,
  yesOrNoByTarget,
} from './kinds';

/** Documentation of one option; its shape is in the schema. */
export interface About {
  readonly description: string;
  readonly unit?: 'ms' | 'bytes' | 'count';
  /** The default as the documentation shows it. */
  readonly defaultText: string;
  readonly env: string | null;
  /** Long flag of the CLI, with its argument; null if there is none. */
  readonly flag: string | null;
  /** True if it can be set in nx.json (tasksRunnerOptions.default.options). */
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
    wholeNumber(limit.mayBeZero === true ? 0 : 1).optional(),
  ),
];

const limitShape = Object.fromEntries(
  Object.entries(LIMITS)
    .filter(([, limit]) => limit.env !== null)
    .map(limitOption),
) as Record<ConfigurableLimit, z.ZodOptional<ReturnType<typeof wholeNumber>>>;

/**
 * All configuration of the product. Every value is parsed by this schema, whatever its source, and
 * docs/reference/configuration.md is generated from it (`node tools/docs.mjs`).
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
      description: 'Separates the sessions of one pipeline if it has several main jobs.',
      defaultText: NONE,
      env: 'DTE_ENVIRONMENT',
      flag: null,
      nxJson: false,
    },
    sessionIdSchema.optional(),
  ),
  coordinatorUrl: option(
    {
      description: 'Address of a running coordinator, usually a standalone one.',
      defaultText: NONE,
      env: 'DTE_COORDINATOR_URL',
      flag: '--coordinator-url <url>',
      nxJson: true,
    },
    httpAddress().optional(),
  ),
  rendezvousDir: option(
    {
      description: 'Folder that all jobs share. The main job publishes the address of its coordinator there.',
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
        "How jobs find each other without `coordinatorUrl` and `rendezvousDir`. `gitlab-packages`: through the project's generic package registry, with CI_JOB_TOKEN. Takes effect only in GitLab jobs.",
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
        "GitLab's id token of this job (keyword `id_tokens`). It proves to the other side which project and pipeline the job belongs to.",
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
        'GitLab instances whose id tokens are accepted, separated by commas, each exactly as in the CI_SERVER_URL of its jobs. A coordinator with issuers rejects clients without a valid token.',
      defaultText: 'CI_SERVER_URL if the job has an id token; none for `dte coordinator`',
      env: 'DTE_ISSUERS',
      flag: '--issuers <urls>',
      nxJson: false,
    },
    httpAddresses(8).optional(),
  ),
  sharedTrust: option(
    {
      description:
        'Treats everyone who has DTE_SECRET as one trust domain. A coordinator without `issuers` that other machines can reach then serves all projects, including GitLab pipelines, and anyone with the secret can replace what any of them stores. See docs/explanation/security.md.',
      defaultText: '`false`',
      env: 'DTE_SHARED_TRUST',
      flag: '--shared-trust',
      nxJson: false,
    },
    yesOrNo().default(false),
  ),
  audience: option(
    {
      description: 'Audience (`aud`) that id tokens must have.',
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
        'What a coordinator writes to its log, as lines of JSON. `info`: agents that connect and leave, the result of each run, and why attempts were lost. `debug`: also every assignment and the end of every task. Other values: `warn`, `error`, `silent`.',
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
        'Shared secret with which both sides authenticate. It is never sent. Required if agents run on other machines, unless they have id tokens.',
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
        'Token that may read pipelines (scope `read_api`). With it, `dte base-sha` compares a branch with its last successful pipeline, and the shared cache `gitlab-artifacts` reads job artifacts without GitLab Premium.',
      defaultText: '`GITLAB_TOKEN`',
      env: 'DTE_GITLAB_TOKEN',
      flag: null,
      nxJson: false,
      secret: true,
    },
    line(1024).optional(),
  ),
  noteToken: option(
    {
      description:
        'Token that may write notes (scope `api`, role Reporter or higher). With it, `dte complete-ci-run` keeps one note with the result in the merge request. Only the main job needs it, and no task gets it ([the note](../how-to/report-in-gitlab.md#a-note-in-the-merge-request)).',
      defaultText: NONE,
      env: 'DTE_NOTE_TOKEN',
      flag: null,
      nxJson: false,
      secret: true,
    },
    line(1024).optional(),
  ),
  note: option(
    {
      description:
        'When the note is written, by the main job or by the coordinator, each for itself. `failures`: as soon as a pipeline of the merge request fails; then it is kept up to date. `always`: also if everything passes. `off`: never.',
      defaultText: '`failures`',
      env: 'DTE_NOTE',
      flag: null,
      nxJson: true,
    },
    z.enum(['failures', 'always', 'off'], 'expected failures, always or off').default('failures'),
  ),
  noteTokenFile: option(
    {
      description:
        'File with such a token, for `dte coordinator`: it then writes the notes itself when sessions end, into merge requests of the first of `issuers`, and no pipeline needs a token. The file is read again for each note.',
      defaultText: NONE,
      env: 'DTE_NOTE_TOKEN_FILE',
      flag: '--note-token-file <file>',
      nxJson: false,
    },
    line(4096).optional(),
  ),
  cache: option(
    {
      description:
        'Where results are kept for later pipelines of the project. `none`: nowhere. `coordinator`: in the data folder of a standalone coordinator. `s3`: in a bucket. `gitlab-artifacts`: in the job artifacts of main jobs. Set for whoever runs the coordinator: for `dte coordinator`, or for the main job. See docs/how-to/shared-cache.md.',
      defaultText: '`none`',
      env: 'DTE_CACHE',
      flag: '--cache <store>',
      nxJson: true,
    },
    z
      .enum(
        ['none', 'coordinator', 's3', 'gitlab-artifacts'],
        'expected none, coordinator, s3 or gitlab-artifacts',
      )
      .default('none'),
  ),
  cacheTrust: option(
    {
      description:
        'Tasks that must not use results of other pipelines: `target`, `project:target` or `project:target:configuration`, with `*` and `?`. `this-pipeline`: they are built in this pipeline, whatever a cache has. `never`: in addition, their results are not stored for other pipelines. The strictest entry that matches applies; the name of an atomized target also applies to its parts.',
      defaultText: NONE,
      env: 'DTE_CACHE_TRUST',
      flag: null,
      nxJson: true,
    },
    choiceByTarget(sharingSchema.options).default({}),
  ),
  cacheVerify: option(
    {
      description:
        'Share of the results of other pipelines, from 0 to 1, that are made again in this pipeline and compared. The hash of a task decides, so a rerun chooses the same.',
      defaultText: '`0`',
      env: 'DTE_CACHE_VERIFY',
      flag: null,
      nxJson: true,
    },
    fraction().default(0),
  ),
  cacheVerifyFail: option(
    {
      description:
        'A result of another pipeline that differs from the one made here (`cacheVerify`) fails the command.',
      defaultText: '`false`',
      env: 'DTE_CACHE_VERIFY_FAIL',
      flag: null,
      nxJson: true,
    },
    yesOrNo().default(false),
  ),
  cacheReadTokenFile: option(
    {
      description:
        'File with tokens for machines of people, for `dte coordinator` with a shared cache: each lets plain Nx read what the trusted pipelines of one project have stored, and nothing else. Lines `<project id> <token of at least 32 characters>`; the projects are those of the first of `issuers`. The file is read again when it changes.',
      defaultText: NONE,
      env: 'DTE_CACHE_READ_TOKEN_FILE',
      flag: '--cache-read-token-file <file>',
      nxJson: false,
    },
    line(4096).optional(),
  ),
  s3Bucket: option(
    {
      description:
        'The bucket of `cache: s3`, by its name. Needs packages of the AWS SDK in the workspace ([a bucket](../how-to/shared-cache.md#a-bucket-s3)).',
      defaultText: NONE,
      env: 'DTE_S3_BUCKET',
      flag: '--s3-bucket <name>',
      nxJson: true,
    },
    line(255)
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'expected the name of a bucket, such as ci-cache')
      .optional(),
  ),
  s3Prefix: option(
    {
      description: 'What the keys in the bucket begin with, without a slash at its ends.',
      defaultText: '`dte`',
      env: 'DTE_S3_PREFIX',
      flag: '--s3-prefix <prefix>',
      nxJson: true,
    },
    // Keys have at most 1,024 bytes.
    line(128)
      .regex(
        /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/,
        'expected a prefix such as ci/dte',
      )
      .default('dte'),
  ),
  s3Region: option(
    {
      description: 'The region of the bucket.',
      defaultText: '`AWS_REGION`; `us-east-1` with `s3Endpoint`',
      env: 'DTE_S3_REGION',
      flag: '--s3-region <region>',
      nxJson: true,
    },
    line(64).optional(),
  ),
  s3Endpoint: option(
    {
      description: 'Address of the server of the bucket, if it is not AWS: MinIO, Ceph and others.',
      defaultText: 'that of AWS',
      env: 'DTE_S3_ENDPOINT',
      flag: '--s3-endpoint <url>',
      nxJson: true,
    },
    httpAddress().optional(),
  ),
  s3ForcePathStyle: option(
    {
      description:
        'Puts the name of the bucket into the path of addresses instead of the host name. Most servers that are not AWS need it.',
      defaultText: '`true` with `s3Endpoint`, else `false`',
      env: 'DTE_S3_FORCE_PATH_STYLE',
      flag: '--s3-force-path-style <bool>',
      nxJson: true,
    },
    yesOrNo().optional(),
  ),
  s3DirectUploads: option(
    {
      description:
        'With a standalone coordinator, jobs put large artifacts into the bucket themselves, at presigned addresses, so that they do not pass the coordinator. `false`: they send all to the coordinator.',
      defaultText: '`true`',
      env: 'DTE_S3_DIRECT_UPLOADS',
      flag: '--s3-direct-uploads <bool>',
      nxJson: true,
    },
    yesOrNo().default(true),
  ),
  s3AccessKeyId: option(
    {
      description:
        'Access key for the bucket, with `s3SecretAccessKey`. No task gets them. Without them, the AWS SDK looks for credentials: variables, web identity, the machine.',
      defaultText: NONE,
      env: 'DTE_S3_ACCESS_KEY_ID',
      flag: null,
      nxJson: false,
      secret: true,
    },
    line(1024).optional(),
  ),
  s3SecretAccessKey: option(
    {
      description: 'Secret key that belongs to `s3AccessKeyId`.',
      defaultText: NONE,
      env: 'DTE_S3_SECRET_ACCESS_KEY',
      flag: null,
      nxJson: false,
      secret: true,
    },
    line(1024).optional(),
  ),
  s3SessionToken: option(
    {
      description: 'Session token of temporary keys.',
      defaultText: NONE,
      env: 'DTE_S3_SESSION_TOKEN',
      flag: null,
      nxJson: false,
      secret: true,
    },
    line(LIMITS.idTokenBytes.value).optional(),
  ),
  dataDir: option(
    {
      description: "Folder for the coordinator's journal, artifacts and log.",
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
        'Address that the coordinator listens on. To make it reachable from other machines, use `0.0.0.0`; jobs then need id tokens or a secret.',
      defaultText: '`127.0.0.1`; `0.0.0.0` for the main job with the rendezvous `gitlab-packages`',
      env: 'DTE_HOST',
      flag: '--host <address>',
      nxJson: true,
    },
    line(255).optional(),
  ),
  port: option(
    {
      description: 'Port that the coordinator listens on. 0: a free port.',
      defaultText: '0 (embedded), 7337 (`dte coordinator`)',
      env: 'DTE_PORT',
      flag: '--port <port>',
      nxJson: true,
    },
    wholeNumber(0, 65_535).optional(),
  ),
  metricsPort: option(
    {
      description:
        'Port on which `dte coordinator` serves `GET /metrics` for Prometheus, to everybody who can reach it. 0: a free port.',
      defaultText: 'no metrics',
      env: 'DTE_METRICS_PORT',
      flag: '--metrics-port <port>',
      nxJson: false,
    },
    wholeNumber(0, 65_535).optional(),
  ),
  metricsHost: option(
    {
      description: 'Address that the port of the metrics listens on.',
      defaultText: '`127.0.0.1`',
      env: 'DTE_METRICS_HOST',
      flag: '--metrics-host <address>',
      nxJson: false,
    },
    line(255).default('127.0.0.1'),
  ),
  tlsCert: option(
    {
      description:
        'File with the certificate of `dte coordinator` and those that lead to its authority (PEM): it then serves https itself. A renewed file is used within seconds.',
      defaultText: 'plain http, for a proxy with a certificate',
      env: 'DTE_TLS_CERT',
      flag: '--tls-cert <file>',
      nxJson: false,
    },
    line(4096).optional(),
  ),
  tlsKey: option(
    {
      description: 'File with the key of that certificate (PEM, without a passphrase).',
      defaultText: NONE,
      env: 'DTE_TLS_KEY',
      flag: '--tls-key <file>',
      nxJson: false,
    },
    line(4096).optional(),
  ),
  advertisedUrl: option(
    {
      description:
        'Address at which agents reach the coordinator of the main job, if it differs from the one it listens on. For `dte coordinator`: the address at which people open its pages; browsers are then served under no other name.',
      defaultText: 'the address it listens on',
      env: 'DTE_ADVERTISED_URL',
      flag: '--advertised-url <url>',
      nxJson: false,
    },
    httpAddress().optional(),
  ),
  oidcClientId: option(
    {
      description:
        'Lets members of a project sign in with GitLab to see the live reports of its pipelines: id of the application that is registered in the first of `issuers`. See docs/how-to/live-report.md.',
      defaultText: NONE,
      env: 'DTE_OIDC_CLIENT_ID',
      flag: '--oidc-client-id <id>',
      nxJson: false,
    },
    line(255).optional(),
  ),
  oidcClientSecretFile: option(
    {
      description: 'File with the secret of that application.',
      defaultText: NONE,
      env: 'DTE_OIDC_CLIENT_SECRET_FILE',
      flag: '--oidc-client-secret-file <file>',
      nxJson: false,
    },
    line(4096).optional(),
  ),
  slots: option(
    {
      description:
        "Number of tasks that this agent runs at a time. `auto`: as many as its cores and memory allow by what earlier runs of the tasks took, at most the run's --parallel; `auto:6`: at most 6.",
      unit: 'count',
      defaultText: "the run's --parallel",
      env: 'DTE_SLOTS',
      flag: '--slots <n|auto|auto:n>',
      nxJson: false,
    },
    agentSlots().optional(),
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
      description:
        'Labels of this agent, separated by commas. Assignment rules select agents by their labels.',
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
        'Releases the agents when a command with one of these targets has ended and no work is left.',
      defaultText: NONE,
      env: 'DTE_STOP_AGENTS_AFTER',
      flag: '--stop-agents-after <targets>',
      nxJson: true,
    },
    words(100).default([]),
  ),
  releaseAgentsEarly: option(
    {
      description:
        'Releases agents before the end, as soon as the rest of the session cannot use them: when a command with a target of `stopAgentsAfter` runs, or no further command is to come for another reason. See [agents that leave early](../how-to/adapt-the-pipeline.md#agents-that-leave-early).',
      defaultText: '`true`',
      env: 'DTE_RELEASE_AGENTS_EARLY',
      flag: null,
      nxJson: true,
    },
    yesOrNo().default(true),
  ),
  stopAgentsOnFailure: option(
    {
      description: 'Releases the agents when the first task fails.',
      defaultText: '`false`',
      env: 'DTE_STOP_AGENTS_ON_FAILURE',
      flag: '--stop-agents-on-failure',
      nxJson: true,
    },
    yesOrNo().default(false),
  ),
  requireExplicitCompletion: option(
    {
      description: 'Keeps the session open until `dte complete-ci-run` runs.',
      defaultText: '`false`',
      env: 'DTE_REQUIRE_EXPLICIT_COMPLETION',
      flag: '--require-explicit-completion',
      nxJson: true,
    },
    yesOrNo().default(false),
  ),
  onHashMismatch: option(
    {
      description:
        'What happens if the hash of a task on its agent differs from its hash on the main job. `fail`: the task fails, and the log names the inputs that differ. `run-on-main`: the main job runs the task. `warn`: the agent runs the task and stores it under its own hash. `auto`: as `run-on-main` if uncommitted changes on the main job are the reason, otherwise as `fail`.',
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
        "Rejects agents whose operating system or architecture differs from the main job's. Set it if the results of tasks depend on the platform.",
      defaultText: '`false`',
      env: 'DTE_SAME_PLATFORM',
      flag: null,
      nxJson: true,
    },
    yesOrNo().default(false),
  ),
  forwardEnv: option(
    {
      description:
        "Names of variables that tasks on agents get from the main job, in addition to Nx's own variables and those that plugin hooks set. A variable that is not set on the main job is not set for the tasks either. Values are kept in memory only, never in a journal, a log or on the disk of an agent.",
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
        'Number of tasks at a time that the main job runs itself, as an additional agent. `auto`: one per core, while fewer than `expectedAgents` are connected.',
      unit: 'count',
      defaultText: '`0`',
      env: 'DTE_MAIN_SLOTS',
      flag: null,
      nxJson: true,
    },
    slotsOrAuto().default(0),
  ),
  expectedAgents: option(
    {
      description:
        'Number of agents in the pipeline, for `mainSlots: auto`. `setup-gitlab` writes the variable.',
      unit: 'count',
      defaultText: '`1`',
      env: 'DTE_EXPECTED_AGENTS',
      flag: null,
      nxJson: true,
    },
    wholeNumber(0, LIMITS.agentsPerSession.value).default(1),
  ),
  restoreOutputs: option(
    {
      description:
        'Which outputs are downloaded to the main job: those of `all` tasks, of the tasks `requested` on the command line, or `none`. The outputs of failed tasks are always downloaded, and local cache hits are always restored. The summary shows what was not downloaded; `dte outputs` fetches it.',
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
        'Files that are downloaded even if `restoreOutputs` excludes their outputs: globs relative to the workspace (`**/coverage/**`).',
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
        'Which tasks run on which agents. Use it instead of `.nx/dte.yaml` to keep the rules in nx.json ([assignment rules](../how-to/assignment-rules.md)).',
      defaultText: 'the rules in `.nx/dte.yaml`',
      env: null,
      flag: null,
      nxJson: true,
    },
    // Validated later, where problems can be reported with their lines.
    z.array(z.unknown(), 'expected a list of rules').optional(),
  ),
  runOnMain: option(
    {
      description:
        'Tasks that only the main job runs because they need files on its disk: `target` or `project:target`, with `*` and `?`; `!` excludes. Your entries are added to `nx-release-publish` and `docker:build`. To remove one of these, add `!nx-release-publish` or `!docker:build` ([tasks that run on the main job](../how-to/run-on-main.md)).',
      defaultText: '`nx-release-publish`, `docker:build`',
      env: 'DTE_RUN_ON_MAIN',
      flag: null,
      nxJson: true,
    },
    words(200).pipe(z.array(targetPattern())).default([]),
  ),
  weights: option(
    {
      description:
        'Expected durations by `project:target` or `target`. Longer chains of tasks start first. Takes precedence over what was learnt from earlier pipelines.',
      unit: 'ms',
      defaultText: 'from earlier pipelines',
      env: 'DTE_WEIGHTS',
      flag: null,
      nxJson: true,
    },
    table().default({}),
  ),
  taskTimeoutMs: option(
    {
      description:
        'Timeout for the command of a task on an agent. When it expires, the task and its child processes are stopped, and the task fails. A number, or a table by `project:target`, `target` and `*` in which the most specific entry applies. For tasks that the main job runs itself, only the timeout of the CI job applies.',
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
        'How often a task that fails on an agent is retried, on another agent if there is one. The last result applies. A number, or a table by `project:target`, `target` and `*` in which the most specific entry applies. The name of an atomized target also applies to its parts (`e2e-ci--<file>`). Tasks that the main job runs itself are not retried.',
      unit: 'count',
      defaultText: '`0`',
      env: 'DTE_RETRIES',
      flag: null,
      nxJson: true,
    },
    numbersByTarget(0, LIMITS.retriesPerTask.value).default({}),
  ),
  retryFlaky: option(
    {
      description:
        'Retries a failed cacheable task once if it is known to be flaky: it has failed and succeeded with the same hash within `flakyMs`, in any pipelines of the project.',
      defaultText: '`true`',
      env: 'DTE_RETRY_FLAKY',
      flag: null,
      nxJson: true,
    },
    yesOrNo().default(true),
  ),
  secondStart: option(
    {
      description:
        'Starts a task a second time on another agent if it runs for longer than 95% of its earlier runs while a slot is idle. The first result counts, unless it is a failure of the second attempt, and the other attempt is cancelled. Only for tasks that Nx caches, that need no server and may run beside others. `true`, `false`, or a table of them by `project:target`, `target` and `*` in which the most specific entry applies. See [durations](../explanation/durations.md#second-starts).',
      defaultText: '`true`',
      env: 'DTE_SECOND_START',
      flag: null,
      nxJson: true,
    },
    yesOrNoByTarget().default({ '*': true }),
  ),
  logSections: option(
    {
      description:
        'Shows each finished task as a collapsible section in the log of a main job on GitLab: closed if the task passed, open if it failed. Takes effect only in GitLab jobs, and not with output styles that show output while tasks run.',
      defaultText: '`true`',
      env: 'DTE_LOG_SECTIONS',
      flag: null,
      nxJson: true,
    },
    yesOrNo().default(true),
  ),
  historyDir: option(
    {
      description:
        'Folder in which a coordinator records flaky tasks and durations across pipelines. Several coordinators can share it.',
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

/** Variables that dte processes set for each other; not for users. */
export const INTERNAL_ENV: readonly string[] = [
  'DTE_EXECUTOR',
  'DTE_PLAN_FILE',
  'DTE_PLANNED',
  'DTE_CACHE_POLICY',
];
