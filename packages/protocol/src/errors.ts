/**
 * What a code means for whoever receives it.
 * - `fatal`: trying again as is cannot help; leave and say the cure.
 * - `retry`: the same thing may go through a moment later.
 * - `attempt`: costs one attempt of one task and nothing else.
 */
export type Severity = 'fatal' | 'retry' | 'attempt';

interface CodeInfo {
  readonly severity: Severity;
  readonly cure: string;
}

/**
 * The closed list of error codes. Each has a heading of the same name in docs/errors.md (a test compares).
 * `cure` is one sentence in the imperative, printed below every message that carries the code.
 */
export const ERROR_CODES = {
  DTE_BAD_SECRET: {
    severity: 'fatal',
    cure: 'Set the same DTE_SECRET in the main job and in every agent job (a masked variable of the project).',
  },
  DTE_SECRET_REQUIRED: {
    severity: 'fatal',
    cure: 'Give the jobs id tokens (docs/gitlab.md), or set DTE_SECRET on both sides: otherwise a coordinator talks to its own machine only.',
  },
  DTE_SHARED_TRUST: {
    severity: 'fatal',
    cure: 'Start the coordinator with --issuers (DTE_ISSUERS, the address of your GitLab) and give the jobs id tokens, or with --shared-trust (DTE_SHARED_TRUST=true) if everybody who has the secret may change what every session gets: docs/security.md.',
  },
  DTE_ID_TOKEN_REFUSED: {
    severity: 'fatal',
    cure: 'Give every job of the pipeline the keyword `id_tokens: DTE_ID_TOKEN: aud: dte` (docs/gitlab.md), and the coordinator the address of this GitLab (CI_SERVER_URL or --issuers).',
  },
  DTE_ISSUER_UNAVAILABLE: {
    severity: 'retry',
    cure: 'Check that the coordinator can reach the GitLab instance that the message names (name, proxy, certificate: NODE_EXTRA_CA_CERTS).',
  },
  DTE_PIN_MISMATCH: {
    severity: 'fatal',
    cure: 'Retry the agent job: somebody else answers at the address of the coordinator, or the main job was replaced meanwhile.',
  },
  DTE_UNREACHABLE: {
    severity: 'fatal',
    cure: 'Run a standalone coordinator that all jobs can reach (`dte coordinator`) and set DTE_COORDINATOR_URL to its address: docs/gitlab.md.',
  },
  DTE_RENDEZVOUS_REFUSED: {
    severity: 'fatal',
    cure: 'Switch the package registry of the project on (Settings > General > Visibility) and let the job run for somebody with the role Developer, or set DTE_COORDINATOR_URL to a standalone coordinator: docs/gitlab.md.',
  },
  DTE_RENDEZVOUS_UNAVAILABLE: {
    severity: 'retry',
    cure: 'Look at the state of the GitLab instance; the package registry does not answer or is too busy. DTE_RENDEZVOUS_RETRY_MS says how long it is asked again.',
  },
  DTE_UNAUTHORIZED: {
    severity: 'fatal',
    cure: 'Connect again: the token of this request is missing, expired or belongs to another session.',
  },
  DTE_PROTOCOL_VERSION: {
    severity: 'fatal',
    cure: 'Install the same version of @org/dte everywhere: run the install with the lockfile (npm ci) in every job.',
  },
  DTE_COMMIT_MISMATCH: {
    severity: 'fatal',
    cure: 'Check out the same commit in the agent job as in the main job (on GitLab: jobs of one pipeline; check that no job fetches or merges by itself).',
  },
  DTE_NX_VERSION_MISMATCH: {
    severity: 'fatal',
    cure: 'Install from the lockfile in every job (npm ci): agent and main job run different versions of nx.',
  },
  DTE_NX_UNSUPPORTED: {
    severity: 'fatal',
    cure: 'Use nx 20.8.0 or later, up to 24 (`nx migrate`), or take tasksRunnerOptions out of nx.json until then.',
  },
  DTE_LOCKFILE_MISMATCH: {
    severity: 'fatal',
    cure: 'Install with the lockfile of the commit and without changing it (npm ci, yarn install --immutable, pnpm install --frozen-lockfile) in every job.',
  },
  DTE_NODE_MISMATCH: {
    severity: 'fatal',
    cure: 'Use the same image, or the same major version of Node.js, in the main job and in every agent job.',
  },
  DTE_PLATFORM_MISMATCH: {
    severity: 'fatal',
    cure: 'Run the agent jobs on runners of the platform of the main job (tags), or unset samePlatform if no task depends on it.',
  },
  DTE_MALFORMED_MESSAGE: {
    severity: 'fatal',
    cure: 'Install the same version of @org/dte everywhere; if it already is, report this message as a bug.',
  },
  DTE_FRAME_TOO_LARGE: {
    severity: 'fatal',
    cure: 'Split the command: one message was larger than a frame may be.',
  },
  DTE_TOO_MANY: {
    severity: 'retry',
    cure: 'Nothing to do if it passes: the coordinator is full at the moment, and the client comes again by itself. If it stays, raise the limit that the message names.',
  },
  DTE_LIMIT_REACHED: {
    severity: 'fatal',
    cure: 'Start fewer agents, or record fewer commands: the session has as many as the limit that the message names allows.',
  },
  DTE_SESSION_FINISHED: {
    severity: 'fatal',
    cure: 'Nothing to do: the session is over. Start a new pipeline, or retry the main job, for new work.',
  },
  DTE_UNKNOWN_RUN: {
    severity: 'fatal',
    cure: 'Submit the run again: the coordinator does not know it (it may have been replaced, or its data folder emptied).',
  },
  DTE_FORWARDED_ENV_MISSING: {
    severity: 'retry',
    cure: 'Nothing to do if it happens once: the coordinator was restarted and the main job has not given it the values of forwardEnv again yet.',
  },
  DTE_INVALID_RUN: {
    severity: 'fatal',
    cure: 'Look at the task graph named in the message: a dependency is missing or the graph has a cycle.',
  },
  DTE_INVALID_ID: {
    severity: 'fatal',
    cure: 'Use a hash, task id or run id as Nx and dte make them: letters, digits, dot, dash and underscore.',
  },
  DTE_UNKNOWN_HASH: {
    severity: 'retry',
    cure: 'Let the task run again: the coordinator holds no artifact under this hash.',
  },
  DTE_ARTIFACT_EXISTS: {
    severity: 'fatal',
    cure: 'Nothing to do: artifacts are immutable and the first one is kept.',
  },
  DTE_ARTIFACT_TOO_LARGE: {
    severity: 'attempt',
    cure: 'Raise DTE_MAX_ARTIFACT_BYTES on the coordinator, or narrow the outputs of the task.',
  },
  DTE_ARTIFACT_INCOMPLETE: {
    severity: 'attempt',
    cure: 'Nothing to do if it happens once: the upload was cut off and the task is tried again.',
  },
  DTE_ARTIFACT_MISSING: {
    severity: 'attempt',
    cure: 'Check the outputs of the dependency that the message names and the disk of the coordinator.',
  },
  DTE_OUTPUTS_DIFFER: {
    severity: 'attempt',
    cure: 'Nothing to do if it happens once: the task is run again. If it comes back, look for something that writes into the outputs which the message names while others read them.',
  },
  DTE_OUTPUTS_BUSY: {
    severity: 'attempt',
    cure: 'Nothing to do: the main job runs the task. If it comes again, give the tasks that write into the same outputs folders of their own, or raise DTE_SHARED_OUTPUTS_MS above what the longest of them takes.',
  },
  DTE_OUTPUT_NAME: {
    severity: 'attempt',
    cure: 'Give the output that the message names a name in UTF-8, or leave it out of the outputs of the task.',
  },
  DTE_ARTIFACT_DAMAGED: {
    severity: 'attempt',
    cure: 'Nothing to do if it happens once: a damaged artifact is removed and its task runs again. If it comes again, check the disk (and the memory) of the coordinator, and proxies between it and its clients.',
  },
  DTE_OUTPUTS_UNKNOWN: {
    severity: 'fatal',
    cure: 'Name a task of the list that `dte outputs` prints, in the job that ran the nx command. With restoreOutputs=all (the default) all outputs are in the workspace already.',
  },
  DTE_ARTIFACT_UNSAFE: {
    severity: 'attempt',
    cure: 'Keep the outputs of the task inside the workspace: the artifact has an entry or a link that leaves it.',
  },
  DTE_ARTIFACT_UNDECLARED: {
    severity: 'attempt',
    cure: 'Declare in the outputs of the task what it writes. If it does not write there, look into the agent that the message names: it sent files that are not its own.',
  },
  DTE_DISK_FULL: {
    severity: 'attempt',
    cure: 'Free disk space for the folder that the message names (DTE_DATA_DIR moves it).',
  },
  DTE_DATA_FOLDER_IN_USE: {
    severity: 'retry',
    cure: 'End the coordinator that the message names, or give this one a data folder of its own (DTE_DATA_DIR, --data-dir).',
  },
  DTE_JOURNAL_CORRUPT: {
    severity: 'fatal',
    cure: 'Move the session folder that the message names away and retry the main job: the session starts afresh.',
  },
  DTE_HASH_MISMATCH: {
    severity: 'attempt',
    cure: 'Make the inputs that the message names the same in the main job and in the agent job; the option onHashMismatch says what happens until then.',
  },
  DTE_UNKNOWN_TASK: {
    severity: 'attempt',
    cure: 'Check that the agent sees the same project graph as the main job: same commit, same plugins, same environment.',
  },
  DTE_EXECUTOR_CRASHED: {
    severity: 'attempt',
    cure: 'Look at the last lines of the agent job: the process that ran the task died (often memory: lower --slots or raise the limit).',
  },
  DTE_EXECUTOR_FROZEN: {
    severity: 'attempt',
    cure: 'Look for what stops processes on the machine of the agent (SIGSTOP, a debugger, a freezer of containers); the task runs elsewhere meanwhile.',
  },
  DTE_EXECUTOR_START: {
    severity: 'attempt',
    cure: 'Run `npx nx graph --print` in the agent job: Nx could not build the project graph there.',
  },
  DTE_NX_FAILED: {
    severity: 'attempt',
    cure: 'Read what Nx says in the message: it refuses the task. The main job runs it, and says the same if the reason is in the workspace.',
  },
  DTE_MACHINE_TROUBLE: {
    severity: 'attempt',
    cure: 'Look at the machine of the agent that the message names: disk, memory and open files (lower --slots or raise its limits).',
  },
  DTE_SERVER_FAILED: {
    severity: 'attempt',
    cure: 'Read the output of the server (the continuous task): it ended while a task needed it, or was not ready in time. A port in use means that something else on the same machine has it.',
  },
  DTE_TASK_TIMEOUT: {
    severity: 'attempt',
    cure: 'Look above for what the task waited for, or raise taskTimeoutMs for its target (DTE_TASK_TIMEOUT_MS, docs/configuration.md).',
  },
  DTE_LEASE_EXPIRED: {
    severity: 'attempt',
    cure: 'Nothing to do if it happens once: the agent was lost or frozen and its tasks run elsewhere.',
  },
  DTE_NOT_HELD: {
    severity: 'attempt',
    cure: 'Nothing to do if it happens once: the agent has lost the task meanwhile, and it runs elsewhere.',
  },
  DTE_AGENT_LEFT: {
    severity: 'attempt',
    cure: 'Nothing to do: the agent was told to stop and handed its task back.',
  },
  DTE_ATTEMPTS_EXHAUSTED: {
    severity: 'attempt',
    cure: 'Look at the reasons of the attempts above; the main job runs the task itself.',
  },
  DTE_TASK_FAILED: {
    severity: 'attempt',
    cure: 'Look at the output of the attempt, which the message names: the task failed and is tried again (options retries and retryFlaky).',
  },
  DTE_NO_COORDINATOR: {
    severity: 'retry',
    cure: 'Check that `dte start-ci-run` ran in the main job and that DTE_COORDINATOR_URL or DTE_RENDEZVOUS_DIR is the same in every job; `dte doctor` tells which.',
  },
  DTE_COORDINATOR_SLOW: {
    severity: 'retry',
    cure: 'Give the main job more processor time, or let its coordinator start for longer (DTE_COORDINATOR_START_MS); nothing is wrong with the rendezvous.',
  },
  DTE_GIVEN_UP: {
    severity: 'retry',
    cure: 'Look above for why an earlier command of this job told its agents to leave; retry the job once that is mended.',
  },
  DTE_NO_AGENTS: {
    severity: 'retry',
    cure: 'Look at the agent jobs: none connected in time (DTE_AGENT_WAIT_MS). Are there runners free to start them?',
  },
  DTE_COORDINATOR_LOST: {
    severity: 'retry',
    cure: 'Look at the coordinator: it stayed away longer than DTE_COORDINATOR_GRACE_MS.',
  },
  DTE_CANCELLED: { severity: 'fatal', cure: 'Nothing to do: the run was cancelled by its main job.' },
  DTE_BAD_CONFIG: {
    severity: 'fatal',
    cure: 'Correct the option that the message names; docs/configuration.md lists them all.',
  },
  DTE_BAD_RULES: {
    severity: 'fatal',
    cure: 'Run `npx dte validate`: it names every problem of the assignment rules with its line (docs/assignment-rules.md).',
  },
  DTE_RULE_UNSATISFIED: {
    severity: 'fatal',
    cure: 'Start an agent with one of the labels that the rule wants (`dte start-agent --labels=...`), or correct the rule; `npx dte validate` shows which rule takes which tasks.',
  },
  DTE_GIT_FAILED: {
    severity: 'fatal',
    cure: 'Run the command in a clone that git accepts (installed, `.git` there, `git config --global --add safe.directory` for a folder of another user).',
  },
  DTE_GITLAB_API: {
    severity: 'retry',
    cure: 'Give DTE_GITLAB_TOKEN a token that may read pipelines of this project (scope read_api), or leave it unset.',
  },
  DTE_PLAN_FAILED: {
    severity: 'fatal',
    cure: 'Run the nx command that the message names in the same job: it fails there before it runs a task.',
  },
  DTE_SEAM_OFF: {
    severity: 'fatal',
    cure: 'Run `dte doctor`: Nx does not call the tasks runner in this workspace.',
  },
  DTE_TIMEOUT: { severity: 'retry', cure: 'Try again; if it stays, raise the limit that the message names.' },
  DTE_INTERNAL: { severity: 'fatal', cure: 'Report this message as a bug, with the log of the job.' },
} as const satisfies Record<string, CodeInfo>;

export type ErrorCode = keyof typeof ERROR_CODES;

export const ERROR_CODE_LIST = Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]];

/**
 * The one error class of the product.
 * `message` says what happened and in which task, agent or job; the cure of its code is added by `explain`.
 */
export class DteError extends Error {
  override readonly name = 'DteError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }

  get severity(): Severity {
    return ERROR_CODES[this.code].severity;
  }

  get cure(): string {
    return ERROR_CODES[this.code].cure;
  }

  /** Message, cure and code as a person reads them in a job's log: three lines, no trailing newline. */
  explain(): string {
    return explain(this.code, this.message);
  }

  /** Any thrown value as a DteError; one that is none becomes `code` with the original as its cause. */
  static from(thrown: unknown, code: ErrorCode = 'DTE_INTERNAL'): DteError {
    if (thrown instanceof DteError) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new DteError(code, message, { cause: thrown });
  }
}

/** The three lines of an error in a log. */
export function explain(code: ErrorCode, message: string): string {
  return `${message}\n  What to do: ${ERROR_CODES[code].cure}\n  Code: ${code} (docs/errors.md)`;
}
