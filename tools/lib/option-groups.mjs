/**
 * The sections of docs/reference/configuration.md: by purpose, with the most used options first. A section can also list limits;
 * docs/reference/limits.md has all of them. Every option that is not a limit must be in one section.
 *
 * @type {readonly { title: string, intro: string, options: readonly string[] }[]}
 */
export const OPTION_GROUPS = [
  {
    title: 'How jobs find each other',
    intro:
      'Distribution is on when `rendezvous`, `rendezvousDir` or `coordinatorUrl` is set. On GitLab, `nx g @org/dte:setup-gitlab` sets `rendezvous`. See [what each kind of runner needs](../how-to/runners.md).',
    options: [
      'rendezvous',
      'coordinatorUrl',
      'rendezvousDir',
      'environment',
      'session',
      'host',
      'port',
      'advertisedUrl',
      'metricsPort',
      'metricsHost',
      'tlsCert',
      'tlsKey',
    ],
  },
  {
    title: 'Agents',
    intro:
      'The generated pipeline sets the number of agents with `parallel:` in the agent job. By default, an agent runs as many tasks at a time as `--parallel` of the nx command.',
    options: [
      'slots',
      'labels',
      'name',
      'stopAgentsAfter',
      'releaseAgentsEarly',
      'stopAgentsOnFailure',
      'requireExplicitCompletion',
      'agentWaitMs',
      'agentIdleMs',
      'releaseIdleMs',
      'reserveSlots',
      'drainMs',
    ],
  },
  {
    title: 'What runs where, and in which order',
    intro:
      'See [assignment rules](../how-to/assignment-rules.md), [tasks that run on the main job](../how-to/run-on-main.md) and [running tasks on the main job](../how-to/outputs.md#running-tasks-on-the-main-job).',
    options: ['assignmentRules', 'runOnMain', 'mainSlots', 'expectedAgents', 'weights'],
  },
  {
    title: 'Inputs and environment of tasks',
    intro: 'See [drift](../explanation/drift.md).',
    options: ['forwardEnv', 'onHashMismatch', 'samePlatform'],
  },
  {
    title: 'Outputs',
    intro: 'See [outputs](../how-to/outputs.md).',
    options: ['restoreOutputs', 'restoreGlobs', 'restoreConcurrency', 'sharedOutputsMs'],
  },
  {
    title: 'Results shared between pipelines',
    intro: 'See [the shared cache](../how-to/shared-cache.md).',
    options: [
      'cache',
      'cacheTrust',
      'cacheVerify',
      'cacheVerifyFail',
      'cacheReadTokenFile',
      's3Bucket',
      's3Prefix',
      's3Region',
      's3Endpoint',
      's3ForcePathStyle',
      's3DirectUploads',
      's3AccessKeyId',
      's3SecretAccessKey',
      's3SessionToken',
    ],
  },
  {
    title: 'Failures, timeouts and retries',
    intro:
      'A task that fails is retried only with `retries` or `retryFlaky`: see [flaky tasks](../how-to/flaky-tasks.md). An attempt that is lost with its agent is always retried.',
    options: [
      'taskTimeoutMs',
      'retries',
      'retryFlaky',
      'secondStart',
      'flakyMs',
      'attemptsPerTask',
      'leaseMs',
      'agentReturnMs',
      'coordinatorGraceMs',
      'mainLostMs',
    ],
  },
  {
    title: 'Security',
    intro:
      'On GitLab, the keyword `id_tokens` is enough. See [who trusts whom](../explanation/security.md). Secrets cannot be set in `nx.json`.',
    options: [
      'idToken',
      'issuers',
      'audience',
      'secret',
      'sharedTrust',
      'oidcClientId',
      'oidcClientSecretFile',
    ],
  },
  {
    title: 'Coordinator, logs and reporting',
    intro:
      "See [standalone coordinator](../how-to/standalone-coordinator.md) and [the coordinator's log](log.md#the-coordinators-log).",
    options: [
      'dataDir',
      'historyDir',
      'logSections',
      'jobLogBytes',
      'logLevel',
      'coordinatorLogBytes',
      'retainFinishedMs',
      'artifactBytes',
      'progressMs',
    ],
  },
  {
    title: 'The base of `nx affected` on GitLab',
    intro: 'See [the base of `nx affected`](../how-to/adapt-the-pipeline.md#the-base-of-nx-affected).',
    options: ['gitlabToken'],
  },
  {
    title: 'The note in a merge request',
    intro: 'See [a note in the merge request](../how-to/report-in-gitlab.md#a-note-in-the-merge-request).',
    options: ['noteToken', 'noteTokenFile', 'note', 'noteMs'],
  },
];
