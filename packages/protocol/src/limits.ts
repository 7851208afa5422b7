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
  helloBytes: limit(16 * KiB, 'bytes', null, 'Nobody has proven anything yet when the first frame is read.'),
  runSpecBytes: limit(
    512 * MiB,
    'bytes',
    'DTE_MAX_RUN_BYTES',
    '100,000 tasks of about 2 kB each, with room.',
  ),
  runTasks: limit(200_000, 'count', null, 'Twice the size the scheduler is designed for.'),
  artifactBytes: limit(20 * GiB, 'bytes', 'DTE_MAX_ARTIFACT_BYTES', 'Artifacts of 5 GB are expected.'),
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
  connectionsPerCoordinator: limit(10_000, 'count', 'DTE_MAX_CONNECTIONS', 'File descriptors.'),
  sessionsPerCoordinator: limit(
    2_000,
    'count',
    'DTE_MAX_SESSIONS',
    'Each has a folder and, while it is open, its state in memory.',
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
  journalRetryMs: limit(
    30_000,
    'ms',
    null,
    'How long a session waits for disk space for its journal before it lets its peers go.',
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
  coordinatorGraceMs: limit(
    30_000,
    'ms',
    'DTE_COORDINATOR_GRACE_MS',
    'How long the coordinator may be away before the main job runs what is left itself.',
  ),
  connectTimeoutMs: limit(
    10_000,
    'ms',
    'DTE_CONNECT_TIMEOUT_MS',
    'How long the main job tries to reach a coordinator at first.',
  ),
  mainLostMs: limit(
    60_000,
    'ms',
    'DTE_MAIN_LOST_MS',
    'A run whose main job is gone for so long is cancelled.',
  ),
  agentIdleMs: limit(
    1_800_000,
    'ms',
    'DTE_AGENT_IDLE_MS',
    'An agent that finds no coordinator, or hears no work, for so long leaves with exit code 0.',
  ),
  sessionIdleMs: limit(
    600_000,
    'ms',
    'DTE_SESSION_IDLE_MS',
    'A session without main job and without runs for so long is finished.',
  ),
  drainMs: limit(
    30_000,
    'ms',
    'DTE_DRAIN_MS',
    'How long a stopping agent lets its tasks finish before it hands them back.',
  ),
  killMs: limit(5_000, 'ms', null, 'Between SIGTERM and SIGKILL of a process tree.'),
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
  attemptsPerTask: limit(
    3,
    'count',
    'DTE_ATTEMPTS',
    'Attempts lost to infrastructure before a task is returned to the main job.',
  ),
  progressMs: limit(10_000, 'ms', 'DTE_PROGRESS_MS', 'At most one progress line in so long.'),
  restoreConcurrency: limit(
    8,
    'count',
    'DTE_RESTORE_CONCURRENCY',
    'Artifacts restored at a time on one machine.',
  ),
  rendezvousMs: limit(
    86_400_000,
    'ms',
    null,
    'A published address is ignored after a day: no job runs so long.',
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
