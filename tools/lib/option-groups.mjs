/**
 * The sections of docs/configuration.md: by purpose, with the most used options first. A section can also list limits;
 * docs/limits.md has all of them. Every option that is not a limit must be in one section.
 *
 * @type {readonly { title: string, intro: string, options: readonly string[] }[]}
 */
export const OPTION_GROUPS = [
  {
    title: 'How jobs find each other',
    intro:
      'Distribution is on when `rendezvous`, `rendezvousDir` or `coordinatorUrl` is set. On GitLab, `nx g @org/dte:setup-gitlab` sets `rendezvous`. See [GitLab](gitlab.md#executors).',
    options: [
      'rendezvous',
      'coordinatorUrl',
      'rendezvousDir',
      'environment',
      'session',
      'host',
      'port',
      'advertisedUrl',
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
      'stopAgentsOnFailure',
      'requireExplicitCompletion',
      'agentWaitMs',
      'agentIdleMs',
      'drainMs',
    ],
  },
  {
    title: 'What runs where, and in which order',
    intro:
      'See [assignment rules](assignment-rules.md), [tasks that run on the main job](run-on-main.md) and [running tasks on the main job](outputs.md#running-tasks-on-the-main-job).',
    options: ['assignmentRules', 'runOnMain', 'mainSlots', 'expectedAgents', 'weights'],
  },
  {
    title: 'Inputs and environment of tasks',
    intro: 'See [drift](drift.md).',
    options: ['forwardEnv', 'onHashMismatch', 'samePlatform'],
  },
  {
    title: 'Outputs',
    intro: 'See [outputs](outputs.md).',
    options: ['restoreOutputs', 'restoreGlobs', 'restoreConcurrency', 'sharedOutputsMs'],
  },
  {
    title: 'Failures, timeouts and retries',
    intro:
      'A task that fails is retried only with `retries` or `retryFlaky`: see [flaky tasks](flaky-tasks.md). An attempt that is lost with its agent is always retried.',
    options: [
      'taskTimeoutMs',
      'retries',
      'retryFlaky',
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
      'On GitLab, the keyword `id_tokens` is enough. See [who trusts whom](security.md). Secrets cannot be set in `nx.json`.',
    options: ['idToken', 'issuers', 'audience', 'secret', 'sharedTrust'],
  },
  {
    title: 'Coordinator, logs and reporting',
    intro:
      "See [standalone coordinator](gitlab.md#standalone-coordinator) and [the coordinator's log](gitlab.md#the-coordinators-log).",
    options: [
      'dataDir',
      'historyDir',
      'logLevel',
      'coordinatorLogBytes',
      'retainFinishedMs',
      'artifactBytes',
      'progressMs',
    ],
  },
  {
    title: 'The base of `nx affected` on GitLab',
    intro: 'See [the base of `nx affected`](gitlab.md#the-base-of-nx-affected).',
    options: ['gitlabToken'],
  },
];
