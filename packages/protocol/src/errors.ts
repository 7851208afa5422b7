/**
 * What the receiver of a code does.
 * - `fatal`: retrying without a change does not help; report the error with its fix, and stop.
 * - `retry`: the problem may be temporary; retry.
 * - `attempt`: one attempt of one task is lost, nothing else.
 */
type Severity = 'fatal' | 'retry' | 'attempt';

interface CodeInfo {
  readonly severity: Severity;
  readonly cure: string;
}

/**
 * The closed list of error codes. Each has a heading of the same name in docs/reference/errors.md (a test compares).
 * `cure` says how to fix the problem, in the imperative. It is printed below every message with the code.
 */
export const ERROR_CODES = {
  DTE_BAD_SECRET: {
    severity: 'fatal',
    cure: 'Set the same DTE_SECRET in the main job and in every agent job (a masked variable of the project).',
  },
  DTE_SECRET_REQUIRED: {
    severity: 'fatal',
    cure: 'Give the jobs id tokens (docs/reference/setup-gitlab.md), or set DTE_SECRET on both sides: otherwise a coordinator serves only its own machine.',
  },
  DTE_SHARED_TRUST: {
    severity: 'fatal',
    cure: 'Start the coordinator with --issuers (DTE_ISSUERS, the address of your GitLab) and give the jobs id tokens, or with --shared-trust (DTE_SHARED_TRUST=true) if everyone who has the secret may change the results of every session: docs/explanation/security.md.',
  },
  DTE_ID_TOKEN_REFUSED: {
    severity: 'fatal',
    cure: 'Add the keyword `id_tokens: DTE_ID_TOKEN: aud: dte` to every job of the pipeline (docs/reference/setup-gitlab.md), and start the coordinator with the address of this GitLab (CI_SERVER_URL or --issuers).',
  },
  DTE_ISSUER_UNAVAILABLE: {
    severity: 'retry',
    cure: 'Check that the coordinator can reach the GitLab instance that the message names (name, proxy, certificate: NODE_EXTRA_CA_CERTS).',
  },
  DTE_PIN_MISMATCH: {
    severity: 'fatal',
    cure: 'Retry the agent job: another process answers at the address of the coordinator, or the main job was retried in the meantime.',
  },
  DTE_UNREACHABLE: {
    severity: 'fatal',
    cure: 'Run a standalone coordinator that all jobs can reach (`dte coordinator`) and set DTE_COORDINATOR_URL to its address: docs/how-to/standalone-coordinator.md.',
  },
  DTE_RENDEZVOUS_REFUSED: {
    severity: 'fatal',
    cure: 'Turn on the package registry of the project (Settings > General > Visibility) and run the pipeline as a user with the role Developer, or set DTE_COORDINATOR_URL to a standalone coordinator: docs/how-to/standalone-coordinator.md.',
  },
  DTE_RENDEZVOUS_UNAVAILABLE: {
    severity: 'retry',
    cure: 'Check the status of the GitLab instance: its package registry does not answer or is too busy. DTE_RENDEZVOUS_RETRY_MS sets how long requests are retried.',
  },
  DTE_UNAUTHORIZED: {
    severity: 'fatal',
    cure: 'If the message says who may do this, do it there. Otherwise connect again: the token of this request is missing, expired or belongs to another session.',
  },
  DTE_PROTOCOL_VERSION: {
    severity: 'fatal',
    cure: 'Install the same version of @org/dte everywhere: run the install with the lockfile (npm ci) in every job.',
  },
  DTE_COMMIT_MISMATCH: {
    severity: 'fatal',
    cure: 'Check out the same commit in the agent job as in the main job (on GitLab: jobs of one pipeline; check that no job fetches or merges on its own).',
  },
  DTE_WORKSPACE_MISMATCH: {
    severity: 'fatal',
    cure: 'Give the main job of each workspace, and its agents, a DTE_ENVIRONMENT of their own: one session serves one workspace. If a CI/CD variable of the project sets DTE_ENVIRONMENT or DTE_SESSION_ID for all jobs, remove it.',
  },
  DTE_NX_VERSION_MISMATCH: {
    severity: 'fatal',
    cure: 'Install from the lockfile in every job (npm ci): agent and main job run different versions of nx.',
  },
  DTE_NX_UNSUPPORTED: {
    severity: 'fatal',
    cure: 'Use nx 20.8.0 or later, up to 24 (`nx migrate`), or remove tasksRunnerOptions from nx.json until then.',
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
    cure: 'Nothing to do if it is temporary: the coordinator is at its limit, and the client retries automatically. If the problem persists, raise the limit that the message names.',
  },
  DTE_LIMIT_REACHED: {
    severity: 'fatal',
    cure: 'Start fewer agents, or record fewer commands: the session has reached the limit that the message names.',
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
    cure: 'Nothing to do if it happens once: the coordinator was restarted and the main job has not sent it the values of forwardEnv again yet.',
  },
  DTE_INVALID_RUN: {
    severity: 'fatal',
    cure: 'Check the task graph that the message names: a dependency is missing or the graph has a cycle.',
  },
  DTE_INVALID_ID: {
    severity: 'fatal',
    cure: 'Use a hash, task id or run id as Nx and dte make them: letters, digits, dot, dash and underscore.',
  },
  DTE_UNKNOWN_HASH: {
    severity: 'retry',
    cure: 'Let the task run again: the coordinator has no artifact with this hash.',
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
    cure: 'Nothing to do if it happens once: the upload was interrupted and the task is retried.',
  },
  DTE_ARTIFACT_MISSING: {
    severity: 'attempt',
    cure: 'Check the outputs of the dependency that the message names and the disk of the coordinator.',
  },
  DTE_OUTPUTS_ELSEWHERE: {
    severity: 'attempt',
    cure: 'Retry the job. To prevent it, add the task that the message names to the dependsOn of the failed task, or set restoreOutputs to all (docs/how-to/outputs.md).',
  },
  DTE_OUTPUTS_DIFFER: {
    severity: 'attempt',
    cure: 'Nothing to do if it happens once: the task runs again. If it happens again, find out what writes to the outputs that the message names while other processes read them.',
  },
  DTE_CACHE_DIFFERS: {
    severity: 'fatal',
    cure: 'Find out why the same inputs give other outputs: a time or a random number in them, a tool or a variable that is no input of the task, or a damaged cache. Then run `dte cache forget --pipeline <id>` with the pipeline that the message names (docs/how-to/shared-cache.md).',
  },
  DTE_OUTPUTS_BUSY: {
    severity: 'attempt',
    cure: 'Nothing to do: the main job runs the task. If it happens again, give the tasks that write to the same outputs separate folders, or raise DTE_SHARED_OUTPUTS_MS above the duration of the longest of them.',
  },
  DTE_OUTPUT_NAME: {
    severity: 'attempt',
    cure: 'Rename the output that the message names to a UTF-8 name, or exclude it from the outputs of the task.',
  },
  DTE_ARTIFACT_DAMAGED: {
    severity: 'attempt',
    cure: 'Nothing to do if it happens once: a damaged artifact is removed and its task runs again. If it happens again, check the disk and the memory of the coordinator, and any proxy between it and its clients.',
  },
  DTE_OUTPUTS_UNKNOWN: {
    severity: 'fatal',
    cure: 'In the job that ran the nx command, name a task from the list that `dte outputs` prints. With restoreOutputs=all (the default), all outputs are in the workspace already.',
  },
  DTE_NO_REPORT: {
    severity: 'fatal',
    cure: 'Run `dte report` and `dte why` in the job and the workspace that ran the nx commands, after the first of them; name another session with --session.',
  },
  DTE_REPORT_PARTIAL: {
    severity: 'fatal',
    cure: 'Nothing to do for the pipeline: only its report is incomplete, as the message says. The report of the main job itself (`dte report` in that job) has everything.',
  },
  DTE_SIGN_IN_REFUSED: {
    severity: 'fatal',
    cure: 'Sign in as a member of the project (role Reporter or higher), or open the link in the log of the main job: docs/how-to/live-report.md.',
  },
  DTE_ARTIFACT_UNSAFE: {
    severity: 'attempt',
    cure: 'Keep the outputs of the task inside the workspace: the artifact contains an entry or a link that leaves it.',
  },
  DTE_ARTIFACT_UNDECLARED: {
    severity: 'attempt',
    cure: 'Declare everything that the task writes in its outputs. If the task does not write there, check the agent that the message names: it sent files that do not belong to the task.',
  },
  DTE_DISK_FULL: {
    severity: 'attempt',
    cure: 'Free disk space in the folder that the message names, or move the folder (DTE_DATA_DIR).',
  },
  DTE_CACHE_QUOTA: {
    severity: 'attempt',
    cure: 'Raise DTE_CACHE_PROJECT_BYTES and DTE_CACHE_BYTES on the coordinator, or narrow the outputs of the task.',
  },
  DTE_DATA_FOLDER_IN_USE: {
    severity: 'retry',
    cure: 'Stop the coordinator that the message names, or give this one its own data folder (DTE_DATA_DIR, --data-dir).',
  },
  DTE_JOURNAL_CORRUPT: {
    severity: 'fatal',
    cure: 'Move the session folder that the message names away and retry the main job: it starts a new session.',
  },
  DTE_HASH_MISMATCH: {
    severity: 'attempt',
    cure: 'Make the inputs that the message names the same in the main job and in the agent job; the option onHashMismatch controls what happens until then.',
  },
  DTE_UNKNOWN_TASK: {
    severity: 'attempt',
    cure: 'Check that the agent sees the same project graph as the main job: same commit, same plugins, same environment.',
  },
  DTE_EXECUTOR_CRASHED: {
    severity: 'attempt',
    cure: 'Check the last lines of the agent job: the process that ran the task crashed (often out of memory: lower --slots or raise the limit).',
  },
  DTE_EXECUTOR_FROZEN: {
    severity: 'attempt',
    cure: 'Find out what suspends processes on the machine of the agent (SIGSTOP, a debugger, a container freezer); the task runs elsewhere in the meantime.',
  },
  DTE_EXECUTOR_START: {
    severity: 'attempt',
    cure: 'Run `npx nx graph --print` in the agent job: Nx could not build the project graph there.',
  },
  DTE_NX_FAILED: {
    severity: 'attempt',
    cure: 'Read the error of Nx in the message: Nx cannot run the task. The main job runs it, and fails with the same error if the reason is in the workspace.',
  },
  DTE_MACHINE_TROUBLE: {
    severity: 'attempt',
    cure: 'Check the machine of the agent that the message names: disk, memory and open files (lower --slots or raise its limits).',
  },
  DTE_SERVER_FAILED: {
    severity: 'attempt',
    cure: 'Read the output of the server (the continuous task): it exited while a task needed it, or was not ready in time. If its port is in use, another process on the same machine has it.',
  },
  DTE_TASK_TIMEOUT: {
    severity: 'attempt',
    cure: 'Check the output above for what the task was waiting for, or raise taskTimeoutMs for its target (DTE_TASK_TIMEOUT_MS, docs/reference/configuration.md).',
  },
  DTE_LEASE_EXPIRED: {
    severity: 'attempt',
    cure: 'Nothing to do if it happens once: the agent was lost or frozen and its tasks run elsewhere.',
  },
  DTE_AGENT_LOST: {
    severity: 'attempt',
    cure: 'Nothing to do if it happens once: the job of the agent ended, or its network failed, and its tasks run elsewhere.',
  },
  DTE_NOT_HELD: {
    severity: 'attempt',
    cure: 'Nothing to do if it happens once: the agent has lost the task in the meantime, and it runs elsewhere.',
  },
  DTE_AGENT_LEFT: {
    severity: 'attempt',
    cure: 'Nothing to do: the agent was stopped and returned its task.',
  },
  DTE_SECOND_START: {
    severity: 'attempt',
    cure: 'Nothing to do: the task ran for longer than usual and was started on a second agent (option secondStart). If it is always the same agent, check its machine.',
  },
  DTE_RECALLED: {
    severity: 'attempt',
    cure: 'Nothing to do: the task had not started on this agent, and another agent was free for it.',
  },
  DTE_ATTEMPTS_EXHAUSTED: {
    severity: 'attempt',
    cure: 'Check the reasons for the lost attempts above; the main job runs the task itself.',
  },
  DTE_TASK_FAILED: {
    severity: 'attempt',
    cure: 'Check the output of the attempt that the message names: the task failed and is retried (options retries and retryFlaky).',
  },
  DTE_NO_COORDINATOR: {
    severity: 'retry',
    cure: 'Check that `dte start-ci-run` ran in the main job and that DTE_COORDINATOR_URL or DTE_RENDEZVOUS_DIR is the same in every job; `dte doctor` shows the cause.',
  },
  DTE_COORDINATOR_SLOW: {
    severity: 'retry',
    cure: 'Give the main job more processor time, or raise the start timeout of its coordinator (DTE_COORDINATOR_START_MS); the rendezvous is not the reason.',
  },
  DTE_GIVEN_UP: {
    severity: 'retry',
    cure: 'Look above for the reason why an earlier command of this job released its agents; fix it and retry the job.',
  },
  DTE_NO_AGENTS: {
    severity: 'retry',
    cure: 'Check the agent jobs: none connected in time (DTE_AGENT_WAIT_MS). Are runners available for them?',
  },
  DTE_COORDINATOR_LOST: {
    severity: 'retry',
    cure: 'Check the coordinator: it was unavailable for longer than DTE_COORDINATOR_GRACE_MS.',
  },
  DTE_CANCELLED: { severity: 'fatal', cure: 'Nothing to do: the run was cancelled by its main job.' },
  DTE_BAD_CONFIG: {
    severity: 'fatal',
    cure: 'Correct the option that the message names; docs/reference/configuration.md lists them all.',
  },
  DTE_BAD_RULES: {
    severity: 'fatal',
    cure: 'Run `npx dte validate`: it names every problem of the assignment rules with its line (docs/how-to/assignment-rules.md).',
  },
  DTE_RULE_UNSATISFIED: {
    severity: 'fatal',
    cure: 'Start an agent with one of the labels that the rule requires (`dte start-agent --labels=...`), or correct the rule; `npx dte validate` shows which tasks each rule matches.',
  },
  DTE_GIT_FAILED: {
    severity: 'fatal',
    cure: 'Check that git is installed and that the folder is a clone with `.git`; for a folder of another user, run `git config --global --add safe.directory`.',
  },
  DTE_GITLAB_API: {
    severity: 'retry',
    cure: 'Give DTE_GITLAB_TOKEN a token that may read pipelines of this project (scope read_api), or leave it unset.',
  },
  DTE_CACHE_REFUSED: {
    severity: 'fatal',
    cure: 'Give DTE_GITLAB_TOKEN a token that may read this project (scope read_api, role Reporter), or set DTE_CACHE to none.',
  },
  DTE_PLAN_FAILED: {
    severity: 'fatal',
    cure: 'Run the nx command that the message names in the same job: it fails there before it runs a task.',
  },
  DTE_SEAM_OFF: {
    severity: 'fatal',
    cure: 'Run `dte doctor`: Nx does not call the tasks runner in this workspace.',
  },
  DTE_TIMEOUT: {
    severity: 'retry',
    cure: 'Retry; if the problem persists, raise the limit that the message names.',
  },
  DTE_INTERNAL: { severity: 'fatal', cure: 'Report this message as a bug, with the log of the job.' },
} as const satisfies Record<string, CodeInfo>;

export type ErrorCode = keyof typeof ERROR_CODES;

export const ERROR_CODE_LIST = Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]];

/**
 * The one error class of the product.
 * `message` says what happened and in which task, agent or job; the fix of its code is added by `explain`.
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

  /** Message, fix and code for the log of a job: three lines, no trailing newline. */
  explain(): string {
    return explain(this.code, this.message);
  }

  /** Any thrown value as a DteError; any other value becomes a DteError with `code` and the original as its cause. */
  static from(thrown: unknown, code: ErrorCode = 'DTE_INTERNAL'): DteError {
    if (thrown instanceof DteError) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new DteError(code, message, { cause: thrown });
  }
}

/** The three lines of an error in a log. */
export function explain(code: ErrorCode, message: string): string {
  return `${message}\n  What to do: ${ERROR_CODES[code].cure}\n  Code: ${code} (docs/reference/errors.md)`;
}
