/** What one limit is: its value, its unit, how it is set and why it is what it is. */
export interface Limit {
  readonly value: number;
  readonly unit: 'ms' | 'bytes' | 'count';
  /** Environment variable that overrides the value, or null where both sides must agree. */
  readonly env: string | null;
  readonly why: string;
}

const limit = (value: number, unit: Limit['unit'], env: string | null, why: string): Limit => ({
  value,
  unit,
  env,
  why,
});

const KiB = 1024;
const MiB = 1024 * KiB;
const GiB = 1024 * MiB;

/** Every queue, frame, wait and retry of the product, in one place. */
export const LIMITS = {
  frameBytes: limit(
    16 * MiB,
    'bytes',
    null,
    'A frame holds all assignments of an agent with their dependency closures.',
  ),
  helloBytes: limit(
    16 * KiB,
    'bytes',
    null,
    'Nobody has proven anything yet when the first frame is read, and no larger one is taken in; an id token of the largest size fits into it.',
  ),
  idTokenBytes: limit(8 * KiB, 'bytes', null, "GitLab's id tokens have about 2 kB, with long group names 3."),
  idTokenLeewayMs: limit(
    30_000,
    'ms',
    null,
    'How far the clocks of GitLab and of a runner may be apart when an id token is checked.',
  ),
  issuerRequestMs: limit(
    5_000,
    'ms',
    'DTE_ISSUER_TIMEOUT_MS',
    'How long the keys of an issuer of id tokens may take; the client waits in its handshake.',
  ),
  issuerAnswerBytes: limit(256 * KiB, 'bytes', null, 'A discovery document or a set of some keys.'),
  issuerKeysMs: limit(
    600_000,
    'ms',
    null,
    'How long the keys of an issuer are used before they are fetched again.',
  ),
  issuerCooldownMs: limit(
    30_000,
    'ms',
    null,
    'At most one fetch in so long for a key that is not known: anybody can make keys up.',
  ),
  runSpecBytes: limit(
    512 * MiB,
    'bytes',
    'DTE_MAX_RUN_BYTES',
    '100,000 tasks of about 2 kB each, with room.',
  ),
  runTasks: limit(200_000, 'count', null, 'Twice the size the scheduler is designed for.'),
  forwardedNames: limit(
    200,
    'count',
    null,
    'Variables of one run that go to its agents: those of forwardEnv, and those that hooks of plugins have set.',
  ),
  forwardedEnvBytes: limit(
    1 * MiB,
    'bytes',
    null,
    'Their values, kept in memory; an environment on Linux has about 2 MiB.',
  ),
  driftFiles: limit(
    200,
    'count',
    null,
    'Files that differ from the commit, told with another hash: who has more has a step that rewrites them, and a few names tell which.',
  ),
  ownFiles: limit(
    20_000,
    'count',
    null,
    'Files that the main job itself has changed and not committed, looked through for those that make an agent have another hash: a release rewrites two for each package.',
  ),
  driftFileBytes: limit(
    16 * MiB,
    'bytes',
    null,
    'A larger file that differs from the commit is compared by its size: reading it would take longer than the task.',
  ),
  driftDetailsBytes: limit(
    2 * MiB,
    'bytes',
    null,
    'What the hashes of one run were made of, as far as one executor tells: with a thousand tasks of another hash the first ones name the cause.',
  ),
  driftCommandMs: limit(
    10_000,
    'ms',
    null,
    'How long git, or the command of a runtime input, may take when a difference is to be named.',
  ),
  artifactBytes: limit(20 * GiB, 'bytes', 'DTE_MAX_ARTIFACT_BYTES', 'Artifacts of 5 GB are expected.'),
  artifactEntries: limit(
    1_000_000,
    'count',
    null,
    'Files, folders and links of one artifact. More than any build writes; an entry without content costs almost nothing to send.',
  ),
  artifactInMemoryBytes: limit(
    1 * MiB,
    'bytes',
    null,
    'Up to this size an artifact is checked in the memory of its reader, above it in a temporary file (TMPDIR says where).',
  ),
  artifactReads: limit(
    3,
    'count',
    null,
    'How often an artifact is fetched that arrives damaged while the coordinator finds its own copy good.',
  ),
  artifactCheckTries: limit(
    10,
    'count',
    null,
    'How often a reader asks whether a stored artifact is good when no answer comes in time: the coordinator reads the whole file before it answers, one of 20 GiB for minutes, and several questions share one reading.',
  ),
  unpackingMs: limit(
    6 * 3_600_000,
    'ms',
    null,
    'What was unpacked beside a cache so long ago is of a process that was ended: the next one removes it.',
  ),
  hashesPerQuestion: limit(50_000, 'count', null, 'One batch question stays below 2 MiB.'),
  outputChunkBytes: limit(
    64 * KiB,
    'bytes',
    null,
    'Small enough that a heartbeat is never stuck behind output.',
  ),
  outputBufferBytes: limit(
    4 * MiB,
    'bytes',
    'DTE_OUTPUT_BUFFER_BYTES',
    'Live output waiting for a slow reader; above it the stream has a gap, which the stored output fills at the end.',
  ),
  terminalOutputBytes: limit(256 * MiB, 'bytes', null, 'V8 strings end near 512 MiB.'),
  logEntriesPerFrame: limit(500, 'count', null, 'Keeps a run update well below the frame limit.'),
  agentsPerSession: limit(2_000, 'count', null, 'Twice the size the scheduler is designed for.'),
  slotsPerAgent: limit(256, 'count', null, 'More cores than a runner has.'),
  recordBytes: limit(64 * MiB, 'bytes', null, 'Output kept by `dte record`.'),
  connectionsPerCoordinator: limit(
    10_000,
    'count',
    'DTE_MAX_CONNECTIONS',
    'File descriptors. Agents, main jobs and observers count that have proven who they are; one more is asked to come again.',
  ),
  strangersPerCoordinator: limit(
    2_000,
    'count',
    'DTE_MAX_STRANGERS',
    'Connections that have not proven yet whom they belong to: a thousand agents may come within one second. For one more the oldest of the address that has most is cut off, so that nobody can hold the door shut; never more than a quarter of the file descriptors.',
  ),
  strangersPerAddress: limit(
    1_000,
    'count',
    'DTE_MAX_STRANGERS_PER_ADDRESS',
    'The same of one address (of one /64 with IPv6): all agents may be behind one proxy, and a proven one does not count.',
  ),
  strangerMs: limit(
    30_000,
    'ms',
    'DTE_STRANGER_MS',
    'A connection that has not proven by then whom it belongs to is cut off: TLS, headers, hello and the keys of an issuer have a shorter time each.',
  ),
  headersMs: limit(
    10_000,
    'ms',
    'DTE_HEADERS_TIMEOUT_MS',
    'How long the headers of one request may take to arrive, the first of a connection and any later one.',
  ),
  bodyWindowMs: limit(
    60_000,
    'ms',
    'DTE_BODY_WINDOW_MS',
    'How often a body is looked at. On its way in it must have moved by bodyWindowBytes since, on its way out by ten times as much in ten of these, unless the coordinator itself was what it waited for.',
  ),
  bodyWindowBytes: limit(
    64 * KiB,
    'bytes',
    'DTE_BODY_WINDOW_BYTES',
    'A kilobyte a second, far above a socket that is only held. Out of the coordinator a connection needs about 3: what the kernel buffers (1.5 MB) shows as one step, and one has to be seen in ten windows.',
  ),
  peerBytesPerSecond: limit(
    16 * MiB,
    'bytes',
    'DTE_MAX_PEER_RATE',
    'What one WebSocket may say on average, after a first frame of any legal size; each message counts 1 KiB more than it has. An agent whose tasks all print as fast as they can stays below it; a client that says more is read more slowly, not cut off.',
  ),
  sessionsPerCoordinator: limit(
    2_000,
    'count',
    'DTE_MAX_SESSIONS',
    'Each has a folder and, while it is open, its state in memory. One that nobody uses makes room for another.',
  ),
  sessionsPerProject: limit(
    500,
    'count',
    'DTE_MAX_PROJECT_SESSIONS',
    'Open ones of one project: jobs of one project alone must not use up what all share.',
  ),
  rulesPerRun: limit(
    500,
    'count',
    null,
    'Each rule with tasks of a run has queues of its own in the scheduler, looked at while agents are free.',
  ),
  runOnEntries: limit(
    32,
    'count',
    null,
    'Labels that one assignment rule names; as many as an agent may have.',
  ),
  recordsPerSession: limit(
    1_000,
    'count',
    null,
    'Far more commands than one main job wraps in `dte record`.',
  ),
  sendBufferBytes: limit(
    64 * MiB,
    'bytes',
    null,
    'Four frames waiting for a peer that does not read; it is cut off and gets the whole state when it reconnects.',
  ),
  tokenMs: limit(
    86_400_000,
    'ms',
    'DTE_TOKEN_MS',
    'Longer than a job may run; every reconnect brings a new token.',
  ),
  retainFinishedMs: limit(
    3_600_000,
    'ms',
    'DTE_RETAIN_FINISHED_MS',
    'How long a finished session stays on disk for a retried job.',
  ),
  closeMs: limit(2_000, 'ms', null, 'How long a closing coordinator waits for its peers and its disk.'),
  dataFolderWaitMs: limit(
    5_000,
    'ms',
    'DTE_DATA_FOLDER_WAIT_MS',
    'How long a coordinator that starts waits for the one before it to leave the data folder; longer than `closeMs`.',
  ),
  dataFolderStaleMs: limit(
    8_000,
    'ms',
    'DTE_DATA_FOLDER_STALE_MS',
    'A coordinator of another machine or container that has not renewed its lock of the data folder for so long is gone; the same for all of a folder.',
  ),
  coordinatorLogBytes: limit(
    10 * MiB,
    'bytes',
    'DTE_MAX_LOG_BYTES',
    'Size of `coordinator.log` in the data folder of a main job; beyond it the older half is cut off. A service writes its log to stderr.',
  ),
  journalRetryMs: limit(
    30_000,
    'ms',
    null,
    'How long a session waits for disk space for its journal before it lets its peers go.',
  ),
  dialMs: limit(
    5_000,
    'ms',
    null,
    'How long one address of a coordinator may take to accept a connection; a packet filter answers nothing at all.',
  ),
  dialStaggerMs: limit(
    250,
    'ms',
    null,
    'Between the tries of two addresses of one coordinator (RFC 8305); the first that answers is taken.',
  ),
  pinPatienceMs: limit(
    5_000,
    'ms',
    'DTE_PIN_PATIENCE_MS',
    'How long another TLS key than the published one may be that of a retried main job that has not published yet.',
  ),
  tunnelConnections: limit(
    512,
    'count',
    null,
    'Sockets of all executors of one agent, or of one main job, to their coordinator.',
  ),
  handshakeMs: limit(10_000, 'ms', null, 'A connection that does not introduce itself is closed.'),
  heartbeatMs: limit(5_000, 'ms', 'DTE_HEARTBEAT_MS', 'Six heartbeats fit into one lease.'),
  leaseMs: limit(30_000, 'ms', 'DTE_LEASE_MS', 'An agent silent for so long has lost its running attempts.'),
  agentWaitMs: limit(
    60_000,
    'ms',
    'DTE_AGENT_WAIT_MS',
    'How long the main job waits for a first, or another, agent before it runs what is left itself.',
  ),
  mainSlotsWaitMs: limit(
    15_000,
    'ms',
    'DTE_MAIN_SLOTS_WAIT_MS',
    'How long agents have to come before a main job with `mainSlots: auto` takes tasks itself: its executors need seconds to start, and so do theirs.',
  ),
  coordinatorGraceMs: limit(
    30_000,
    'ms',
    'DTE_COORDINATOR_GRACE_MS',
    'How long the coordinator may be away before the main job runs what is left itself, and the agents leave.',
  ),
  unreachableMs: limit(
    15_000,
    'ms',
    'DTE_UNREACHABLE_MS',
    'An agent that finds an address, but cannot open a connection to it for so long, says so and leaves. The main job hears of it a few seconds later (reportsPollMs): both within 20 s.',
  ),
  connectTimeoutMs: limit(
    10_000,
    'ms',
    'DTE_CONNECT_TIMEOUT_MS',
    'How long the main job tries to reach a coordinator at first.',
  ),
  coordinatorStartMs: limit(
    120_000,
    'ms',
    'DTE_COORDINATOR_START_MS',
    'How long the coordinator of a main job may take to start while its process lives: where many jobs share a machine that can be a minute. One whose process ends is not waited for.',
  ),
  mainLostMs: limit(
    60_000,
    'ms',
    'DTE_MAIN_LOST_MS',
    'A run whose main job is gone for so long is cancelled; at a standalone coordinator its agents leave then.',
  ),
  agentIdleMs: limit(
    1_800_000,
    'ms',
    'DTE_AGENT_IDLE_MS',
    'An agent that has never found a coordinator, or hears no work, for so long leaves with exit code 0.',
  ),
  waitNoteMs: limit(
    60_000,
    'ms',
    'DTE_WAIT_NOTE_MS',
    'How often an agent without work says what it waits for, and for how long it has: a silent job looks like one that hangs.',
  ),
  sessionIdleMs: limit(
    600_000,
    'ms',
    'DTE_SESSION_IDLE_MS',
    'A session without main job and without runs for so long is finished. Not in a GitLab job: there its end is known.',
  ),
  drainMs: limit(
    30_000,
    'ms',
    'DTE_DRAIN_MS',
    'How long a stopping agent lets its tasks finish before it hands them back.',
  ),
  killMs: limit(5_000, 'ms', null, 'Between SIGTERM and SIGKILL of a process tree.'),
  timeoutSettleMs: limit(
    10_000,
    'ms',
    null,
    'After `taskTimeoutMs` and `killMs`, for an executor to report the task it has ended; then it is ended itself.',
  ),
  gitCommandMs: limit(30_000, 'ms', null, 'A question to a local clone of any size.'),
  gitFetchMs: limit(
    300_000,
    'ms',
    'DTE_GIT_FETCH_MS',
    'How long `dte base-sha` fetches what a shallow clone lacks: the history of a large repository.',
  ),
  planMs: limit(
    600_000,
    'ms',
    'DTE_PLAN_MS',
    'How long `dte plan` waits for Nx: project graph, hashes and, with a remote cache, what that holds.',
  ),
  gitlabAnswerMs: limit(
    10_000,
    'ms',
    'DTE_GITLAB_TIMEOUT_MS',
    'How long one answer of the pipelines API may take; there is another way to a base.',
  ),
  gitlabAnswerBytes: limit(4 * MiB, 'bytes', null, 'A page of 50 pipelines has about 30 kB.'),
  gitlabPages: limit(
    6,
    'count',
    null,
    'Pages of 50 pipelines looked at for one that passed: after 300 the base is too old to save much.',
  ),
  executorFrozenMs: limit(
    10_000,
    'ms',
    'DTE_EXECUTOR_FROZEN_MS',
    'How long an executor, a server or the process of a batch may be stopped (SIGSTOP, a debugger) until it is ended and its attempts are lost: well below `leaseMs`.',
  ),
  executorStartMs: limit(
    120_000,
    'ms',
    'DTE_EXECUTOR_START_MS',
    'Building the project graph of a very large workspace.',
  ),
  httpRequestMs: limit(
    60_000,
    'ms',
    'DTE_HTTP_TIMEOUT_MS',
    'Without a byte moving for so long a request is given up.',
  ),
  uploadAnswerMs: limit(
    600_000,
    'ms',
    null,
    'How long the answer to an upload may take after its last byte was handed to the kernel: on a slow line megabytes are still under way then.',
  ),
  httpIdleMs: limit(
    5_000,
    'ms',
    null,
    'How long an agent or main job keeps a socket that it has no request for: a thousand agents would hold thousands of file descriptors of the coordinator while their tasks run.',
  ),
  attemptsPerTask: limit(
    3,
    'count',
    'DTE_ATTEMPTS',
    'Attempts lost to infrastructure before a task is returned to the main job.',
  ),
  retriesPerTask: limit(
    10,
    'count',
    null,
    'Most that the option retries may ask for; a task that fails more often is broken.',
  ),
  flakyMs: limit(
    1_209_600_000,
    'ms',
    'DTE_FLAKY_MS',
    'How long a task that failed and succeeded with one hash counts as flaky: 14 days.',
  ),
  historyEntries: limit(
    50_000,
    'count',
    'DTE_HISTORY_ENTRIES',
    'Tasks times hashes that a project has in the history, about 150 bytes each; beyond it the oldest are forgotten.',
  ),
  flakyTasksShown: limit(1_000, 'count', null, 'Flaky tasks in one answer to `dte status`.'),
  progressMs: limit(10_000, 'ms', 'DTE_PROGRESS_MS', 'At most one progress line in so long.'),
  serverIdleMs: limit(
    10_000,
    'ms',
    'DTE_SERVER_IDLE_MS',
    'How long an agent keeps a server (a continuous task) after its last user: the next one may be on its way, and starting it again costs more.',
  ),
  serverOutputChars: limit(
    16 * KiB,
    'count',
    null,
    "Characters of a server's output that the main job is told at a time; the agent's own log has all of it.",
  ),
  restoreConcurrency: limit(
    8,
    'count',
    'DTE_RESTORE_CONCURRENCY',
    'Artifacts restored at a time on one machine.',
  ),
  sharedOutputsMs: limit(
    1_800_000,
    'ms',
    'DTE_SHARED_OUTPUTS_MS',
    'How long a restore waits for tasks and restores on the same machine that write into the same outputs: as long as a long task takes.',
  ),
  rendezvousMs: limit(
    86_400_000,
    'ms',
    null,
    'A published address is ignored after a day: no job runs so long.',
  ),
  rendezvousReports: limit(
    20,
    'count',
    null,
    'Agents that cannot reach the coordinator whose reports are read: a few tell as much as a thousand.',
  ),
  rendezvousRequestMs: limit(
    10_000,
    'ms',
    'DTE_RENDEZVOUS_TIMEOUT_MS',
    'How long one answer of a package registry may take.',
  ),
  rendezvousRetryMs: limit(
    30_000,
    'ms',
    'DTE_RENDEZVOUS_RETRY_MS',
    'How long a package registry that is busy (429) or broken (5xx) is asked again for one thing.',
  ),
  rendezvousAnswerBytes: limit(
    1 * MiB,
    'bytes',
    null,
    'A page of 100 packages has about 100 kB, a record less than 2.',
  ),
  rendezvousPollMinMs: limit(
    1_000,
    'ms',
    null,
    'Between two questions of an agent that waits for its main job, at first.',
  ),
  rendezvousPollMaxMs: limit(
    5_000,
    'ms',
    'DTE_RENDEZVOUS_POLL_MS',
    'Between two questions later on: 100 agents ask 20 times a second, where GitLab.com allows a user 33.',
  ),
  rendezvousKeepMs: limit(
    172_800_000,
    'ms',
    null,
    'Twice as long as an address is believed; then its package is deleted.',
  ),
  rendezvousTidies: limit(50, 'count', null, 'Packages of old pipelines deleted by one main job.'),
  reportsPollMs: limit(
    3_000,
    'ms',
    null,
    'How often a main job without agents looks whether some report that they cannot reach it.',
  ),
  jobCheckMs: limit(
    15_000,
    'ms',
    'DTE_JOB_CHECK_MS',
    'How often the coordinator of a main job asks GitLab whether that job still runs.',
  ),
  finishedRecordMs: limit(
    86_400_000,
    'ms',
    null,
    'How long agents that come late are told that their session is finished: as long as an address is believed.',
  ),
  embeddedLingerMs: limit(
    60_000,
    'ms',
    'DTE_EMBEDDED_LINGER_MS',
    'How long an embedded coordinator stays after its session is over, to tell late agents so.',
  ),
  reconnectMinMs: limit(100, 'ms', null, 'First window of the reconnect backoff.'),
  reconnectMaxMs: limit(5_000, 'ms', null, 'Last window of the reconnect backoff.'),
} as const satisfies Record<string, Limit>;

export type LimitName = keyof typeof LIMITS;
export type LimitValues = Record<LimitName, number>;

/**
 * All limits as plain numbers, with overrides from an environment applied.
 * An override that is not a positive integer is returned in `invalid` and the default is kept.
 */
export function readLimits(env: Readonly<Record<string, string | undefined>>): {
  limits: LimitValues;
  invalid: { env: string; value: string }[];
} {
  const invalid: { env: string; value: string }[] = [];
  const limits = {} as LimitValues;
  for (const [name, { value, env: variable }] of Object.entries(LIMITS) as [LimitName, Limit][]) {
    const raw = variable === null ? undefined : env[variable];
    if (variable === null || raw === undefined || raw === '') {
      limits[name] = value;
    } else if (/^[1-9][0-9]{0,14}$/.test(raw)) {
      limits[name] = Number(raw);
    } else {
      limits[name] = value;
      invalid.push({ env: variable, value: raw });
    }
  }
  return { limits, invalid };
}
