/** One limit: its value, its unit, how to set it, and what it limits and why. */
export interface Limit {
  readonly value: number;
  readonly unit: 'ms' | 'bytes' | 'count';
  /** Set if the variable may be 0, which turns it off. */
  readonly mayBeZero?: true;
  /** Environment variable that overrides the value; null if both sides must agree, or if nobody needs another value. */
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

/** Every limit of queues, frames, waits and retries, in one place. docs/reference/limits.md is generated from it. */
export const LIMITS = {
  frameBytes: limit(
    16 * MiB,
    'bytes',
    null,
    'Size of one WebSocket frame. A frame holds all assignments of an agent with their dependency closures.',
  ),
  helloBytes: limit(
    16 * KiB,
    'bytes',
    null,
    'Size of the first frame of a connection, which is read before the client has authenticated. The largest id token fits into it.',
  ),
  idTokenBytes: limit(
    8 * KiB,
    'bytes',
    null,
    "Size of an id token. GitLab's id tokens have about 2 kB, or 3 kB with long group names.",
  ),
  idTokenLeewayMs: limit(
    30_000,
    'ms',
    null,
    'Clock difference between GitLab and a runner that is tolerated when an id token is verified.',
  ),
  issuerRequestMs: limit(
    5_000,
    'ms',
    'DTE_ISSUER_TIMEOUT_MS',
    'Timeout for fetching the keys of an issuer of id tokens. The client waits for it during its handshake.',
  ),
  issuerAnswerBytes: limit(
    256 * KiB,
    'bytes',
    null,
    'Size of a discovery document or a key set of an issuer.',
  ),
  issuerKeysMs: limit(600_000, 'ms', null, 'How long the keys of an issuer are cached.'),
  issuerCooldownMs: limit(
    30_000,
    'ms',
    null,
    'Shortest time between two fetches for an unknown key, because anyone can send made-up key ids.',
  ),
  runSpecBytes: limit(
    512 * MiB,
    'bytes',
    'DTE_MAX_RUN_BYTES',
    'Size of the task graph and options of one run: 100,000 tasks of about 2 kB each, with room to spare.',
  ),
  runTasks: limit(
    200_000,
    'count',
    null,
    'Tasks in one run: twice the size that the scheduler is designed for.',
  ),
  forwardedNames: limit(
    200,
    'count',
    null,
    'Variables of one run that are forwarded to agents: those in forwardEnv and those that plugin hooks have set.',
  ),
  forwardedEnvBytes: limit(
    1 * MiB,
    'bytes',
    null,
    'Total size of the forwarded values, which are kept in memory. An environment on Linux has about 2 MiB.',
  ),
  driftFiles: limit(
    200,
    'count',
    null,
    'Files that differ from the commit and are reported with a hash mismatch. If there are more, a step rewrites them, and a few names show which.',
  ),
  ownFiles: limit(
    20_000,
    'count',
    null,
    'Uncommitted files of the main job that are checked as the reason for a hash mismatch. A release rewrites two files per package.',
  ),
  driftFileBytes: limit(
    16 * MiB,
    'bytes',
    null,
    'Largest file that is compared by content when it differs from the commit. Larger files are compared by size, because reading them would take longer than the task.',
  ),
  driftDetailsBytes: limit(
    2 * MiB,
    'bytes',
    null,
    'Size of the hash details of one run that one executor reports. With a thousand mismatches, the first ones show the cause.',
  ),
  driftCommandMs: limit(
    10_000,
    'ms',
    null,
    'Timeout for git, or for the command of a runtime input, when the reason for a hash mismatch is determined.',
  ),
  nestingLevels: limit(
    200,
    'count',
    null,
    'Levels of objects and lists in a value that is handed on to Nx (overrides of a task). With thousands of them, the process that writes the value as JSON runs out of stack.',
  ),
  artifactBytes: limit(
    20 * GiB,
    'bytes',
    'DTE_MAX_ARTIFACT_BYTES',
    'Size of one artifact. Artifacts of 5 GB are expected.',
  ),
  archiveOverheadBytes: limit(
    MiB,
    'bytes',
    null,
    'What an archive may contain that is not the content of one of its entries, in addition to 16 KiB of headers for each entry. Without a limit, a small archive can keep its reader busy for hours.',
  ),
  artifactEntries: limit(
    1_000_000,
    'count',
    null,
    'Files, folders and links in one artifact: more than any build writes. An entry without content costs almost nothing to send.',
  ),
  artifactInMemoryBytes: limit(
    1 * MiB,
    'bytes',
    null,
    'Artifacts up to this size are verified in memory, larger ones in a temporary file (in TMPDIR).',
  ),
  artifactReads: limit(
    3,
    'count',
    null,
    'How often an artifact is fetched if it arrives damaged although the copy on the coordinator is intact.',
  ),
  artifactCheckTries: limit(
    10,
    'count',
    null,
    'How often a reader asks whether a stored artifact is intact if the answer times out. The coordinator reads the whole file first, which takes minutes for 20 GiB; concurrent requests share one read.',
  ),
  unpackingMs: limit(
    6 * 3_600_000,
    'ms',
    null,
    'Age at which unfinished unpacked data next to a cache is considered abandoned by a stopped process. The next process removes it.',
  ),
  hashesPerQuestion: limit(50_000, 'count', null, 'Hashes in one batch lookup, which stays below 2 MiB.'),
  cacheBytes: limit(
    100 * GiB,
    'bytes',
    'DTE_CACHE_BYTES',
    'Size of the shared cache in the folder of a standalone coordinator (option cache). Beyond it, the entries that were not read for longest are removed: room for ten busy projects. Never more than half of the disk.',
  ),
  cacheProjectBytes: limit(
    20 * GiB,
    'bytes',
    'DTE_CACHE_PROJECT_BYTES',
    'Share of one project in `cacheBytes`, so that none can push out the entries of all others: ten days of a project whose pipelines store 2 GB a day.',
  ),
  cacheAgeMs: limit(
    10 * 24 * 3_600_000,
    'ms',
    'DTE_CACHE_AGE_MS',
    'An entry of that cache is removed when it was neither stored nor asked for within this time. Inputs that nobody has had for ten days seldom come back.',
  ),
  linkCloseMs: limit(
    1_000,
    'ms',
    null,
    'Time for the other side to answer the closing handshake of a WebSocket. Then the connection is cut.',
  ),
  answerBytes: limit(
    64 * MiB,
    'bytes',
    null,
    'Size of an HTTP answer that a client reads into memory: all hashes of a batch lookup fit into it.',
  ),
  outputChunkBytes: limit(
    64 * KiB,
    'bytes',
    null,
    'Size of one chunk of live output: small enough that a heartbeat never waits long behind output.',
  ),
  outputBufferBytes: limit(
    4 * MiB,
    'bytes',
    'DTE_OUTPUT_BUFFER_BYTES',
    'Live output buffered for a slow reader. Above this size, the live stream has a gap; the stored output is complete at the end.',
  ),
  terminalOutputBytes: limit(
    256 * MiB,
    'bytes',
    null,
    'Terminal output of one task. V8 strings are limited to about 512 MiB.',
  ),
  logEntriesPerFrame: limit(
    500,
    'count',
    null,
    'Entries in one run update, which keeps it well below the frame limit.',
  ),
  runLogRepeatMs: limit(1_000, 'ms', null, 'Shortest interval between two repetitions of the log of a run.'),
  agentsPerSession: limit(
    2_000,
    'count',
    null,
    'Agents of one session: twice the size that the scheduler is designed for.',
  ),
  syncDelayMs: limit(
    100,
    'ms',
    null,
    'Time that changes of an agent which nobody waits for are collected before they are reported.',
  ),
  rememberedResults: limit(
    64,
    'count',
    null,
    'Results that an agent keeps after the coordinator took them, in case a restarted coordinator asks for one of them again.',
  ),
  executorStopMs: limit(
    2_000,
    'ms',
    null,
    'Time for an executor to report a stopped task, in addition to `killMs`. Then the executor itself is ended.',
  ),
  slotsPerAgent: limit(256, 'count', null, 'Slots of one agent: more cores than a runner has.'),
  prefetchedTasks: {
    ...limit(
      1,
      'count',
      'DTE_PREFETCHED_TASKS',
      'Tasks that an agent prepares beyond its slots, so that the next one starts as soon as a slot is free: 0 or 1. One costs the memory of an additional executor: about 90 MB in a small workspace, more with a large project graph.',
    ),
    mayBeZero: true,
  },
  jobLogBytes: limit(
    4 * MiB,
    'bytes',
    'DTE_JOB_LOG_BYTES',
    'Size at which the runner cuts the log of a job, the `output_limit` of its configuration. A main job on GitLab warns when its nx commands have printed three quarters of it.',
  ),
  keptLogBytes: limit(
    64 * MiB,
    'bytes',
    null,
    'Size of the copy of the log that a main job on GitLab keeps among its reports. It is compressed with the artifacts of the job, whose size is limited as well.',
  ),
  recordBytes: limit(64 * MiB, 'bytes', null, 'Output that `dte record` stores per command.'),
  connectionsPerCoordinator: limit(
    10_000,
    'count',
    'DTE_MAX_CONNECTIONS',
    'Authenticated connections (agents, main jobs, observers) of one coordinator, to protect its file descriptors. Further clients are told to retry.',
  ),
  strangersPerCoordinator: limit(
    2_000,
    'count',
    'DTE_MAX_STRANGERS',
    'Unauthenticated connections of one coordinator: a thousand agents may connect within one second. If there is one more, the oldest connection of the address with the most connections is evicted, so that nobody can block the coordinator. Never more than a quarter of the file descriptors.',
  ),
  strangersPerAddress: limit(
    1_000,
    'count',
    'DTE_MAX_STRANGERS_PER_ADDRESS',
    'Unauthenticated connections from one address (one /64 with IPv6). All agents may be behind one proxy, and authenticated connections do not count.',
  ),
  strangerMs: limit(
    30_000,
    'ms',
    'DTE_STRANGER_MS',
    'Time for a connection to authenticate before it is closed. TLS, headers, hello and the keys of an issuer each have a shorter timeout.',
  ),
  failedHandshakesPerMinute: limit(
    100,
    'count',
    'DTE_MAX_FAILED_HANDSHAKES',
    'Failed handshakes of one address (one /64 with IPv6) within a minute that are answered at once. A pipeline whose agents all have the wrong secret needs that many.',
  ),
  failedHandshakeMs: limit(
    5_000,
    'ms',
    'DTE_FAILED_HANDSHAKE_MS',
    'How long the answers to further failed handshakes of that address are held back, so that nobody can try many secrets. Clients that authenticate are never held back.',
  ),
  headersMs: limit(
    10_000,
    'ms',
    'DTE_HEADERS_TIMEOUT_MS',
    'Timeout for the headers of a request, for the first and for later requests of a connection.',
  ),
  headerBytes: limit(
    32 * KiB,
    'bytes',
    null,
    'Size of all headers of one HTTP request. Our own have less than 1 kB.',
  ),
  pathParameterChars: limit(
    16 * KiB,
    'count',
    null,
    'Length of one part of a request path. A task id of 1,024 characters has 12,288 if every byte is escaped.',
  ),
  keepAliveMs: limit(
    72_000,
    'ms',
    null,
    'How long an idle HTTP connection stays open: longer than the usual minute of a reverse proxy, so that the proxy closes it.',
  ),
  reasonChars: limit(
    16 * KiB,
    'count',
    null,
    'Characters of the sentence that explains an error or the end of an attempt. It can quote the last output of a process; longer texts are cut off.',
  ),
  settingsBytes: limit(1 * MiB, 'bytes', null, 'Size of the settings of a session, as JSON.'),
  refusedBodyBytes: limit(
    64 * MiB,
    'bytes',
    null,
    'How much of a refused request body is read and discarded, so that its sender gets to read the response.',
  ),
  refusedBodyMs: limit(5_000, 'ms', null, 'How long a refused request body is read and discarded.'),
  bodyWindowMs: limit(
    60_000,
    'ms',
    'DTE_BODY_WINDOW_MS',
    'Interval at which the progress of a body is checked. An upload must have progressed by bodyWindowBytes since the last check, a download by ten times as much in ten intervals, unless it waited for the coordinator itself.',
  ),
  bodyWindowBytes: limit(
    64 * KiB,
    'bytes',
    'DTE_BODY_WINDOW_BYTES',
    'Smallest progress of a body per interval: about a kilobyte per second, which is far more than on a connection that is only held open. Downloads need about 3 kB per second, because the kernel buffers 1.5 MB, which shows as one step, and one step must occur in ten intervals.',
  ),
  peerBytesPerSecond: limit(
    16 * MiB,
    'bytes',
    'DTE_MAX_PEER_RATE',
    'Average rate of messages on one WebSocket, after a first frame of any valid size; each message counts as 1 KiB more than its size. An agent whose tasks all print at full speed stays below it. A client above it is read more slowly, not disconnected.',
  ),
  throttlePauseMs: limit(8_000, 'ms', null, 'Longest pause in reading from a client that sends too much.'),
  sessionsPerCoordinator: limit(
    2_000,
    'count',
    'DTE_MAX_SESSIONS',
    'Sessions of one coordinator. Each has a folder and, while it is open, its state in memory. Unused sessions are evicted first.',
  ),
  sessionsPerProject: limit(
    500,
    'count',
    'DTE_MAX_PROJECT_SESSIONS',
    'Open sessions of one project, so that one project cannot use up the shared capacity.',
  ),
  refusedPerSession: limit(
    100,
    'count',
    null,
    'Rejected clients that a session lists, one entry for each name and error code.',
  ),
  refusedNamed: limit(
    80,
    'count',
    null,
    'Entries of refusedPerSession for clients that have authenticated. The rest is for those that have not.',
  ),
  refusedSessions: limit(
    1_000,
    'count',
    null,
    'Sessions for which the coordinator remembers rejected clients. They may not even exist.',
  ),
  sessionInfoMs: limit(
    200,
    'ms',
    null,
    'Shortest interval between two `session.info` messages. Each names every agent, and a thousand may connect within seconds.',
  ),
  rulesPerRun: limit(
    500,
    'count',
    null,
    'Assignment rules with tasks in one run. Each has its own queues in the scheduler, which are checked while agents are free.',
  ),
  runOnEntries: limit(32, 'count', null, 'Labels in one assignment rule: as many as an agent can have.'),
  recordsPerSession: limit(
    1_000,
    'count',
    null,
    'Commands that one session records: far more than one main job runs with `dte record`.',
  ),
  notHeldPerSync: limit(
    16,
    'count',
    null,
    'Attempts in one sync that the agent does not hold. More are ignored: one reply corrects them all.',
  ),
  sendBufferBytes: limit(
    64 * MiB,
    'bytes',
    null,
    'Data waiting for a peer that does not read: four frames. The peer is then disconnected, and gets the whole state when it reconnects.',
  ),
  tokenMs: limit(
    86_400_000,
    'ms',
    'DTE_TOKEN_MS',
    'Lifetime of a session token: longer than a job can run. Every reconnect issues a new token.',
  ),
  tokenChars: limit(
    1_024,
    'count',
    null,
    'Characters of a session token: what it says of its client, for the longest ids, and a signature.',
  ),
  tokensRemembered: limit(
    10_000,
    'count',
    null,
    'Verified tokens that the coordinator caches: one for each connection. An executor sends the same one with every request.',
  ),
  retainFinishedMs: limit(
    3_600_000,
    'ms',
    'DTE_RETAIN_FINISHED_MS',
    'How long a finished session stays on disk for a retried job.',
  ),
  abandonedMs: limit(
    86_400_000,
    'ms',
    null,
    'How long a session that was never finished stays on disk after the last activity.',
  ),
  sweepMs: limit(
    60_000,
    'ms',
    null,
    'Interval at which the coordinator looks for sessions to delete. It reads one small file per finished session.',
  ),
  removalsPerSweep: limit(
    20,
    'count',
    null,
    'Sessions deleted per sweep. Deleting is slow, and nothing waits for it.',
  ),
  cacheQuestionMs: limit(
    5_000,
    'ms',
    'DTE_CACHE_QUESTION_MS',
    'How long the coordinator waits for the shared cache before it counts as a miss; for a question, and for the next piece of an artifact that is read. A question for many hashes may take 1 ms longer for each five of them.',
  ),
  cacheBreakMs: limit(
    30_000,
    'ms',
    'DTE_CACHE_BREAK_MS',
    'How long a shared cache that failed three times in a row is left alone before it is tried again.',
  ),
  cacheWriteMs: limit(
    600_000,
    'ms',
    'DTE_CACHE_WRITE_MS',
    'How long the storing of one result in the shared cache may take: 5 GB at 10 MB per second. Nothing waits for it but the end of the coordinator (cacheFlushMs).',
  ),
  cacheWritesAtOnce: limit(
    4,
    'count',
    'DTE_CACHE_WRITES_AT_ONCE',
    'Results that are stored in the shared cache at a time. They compete with the artifacts that jobs wait for.',
  ),
  cacheWritesQueued: limit(
    10_000,
    'count',
    null,
    'Results that wait to be stored in the shared cache. Only their names are in memory; more are not stored.',
  ),
  cacheFlushMs: limit(
    60_000,
    'ms',
    'DTE_CACHE_FLUSH_MS',
    'How long the end of a coordinator waits until the last results are in the shared cache, and how long `dte cache forget` may take.',
  ),
  cacheNotedUploads: limit(
    20_000,
    'count',
    null,
    'Uploads of one session that may still become results for the shared cache, in memory. An agent reports a result right after its upload.',
  ),
  directUploadBytes: limit(
    4 * MiB,
    'bytes',
    'DTE_DIRECT_UPLOAD_BYTES',
    'Smallest artifact that a job puts into the bucket of a standalone coordinator itself. It costs two small requests to the coordinator and two to the bucket, about 0.1 s with 20 ms each and 40 ms until a bucket has stored an object; on a line of 300 Mbit/s, 4 MiB take as long.',
  ),
  directUploadSessionBytes: limit(
    500 * GiB,
    'bytes',
    'DTE_DIRECT_UPLOAD_SESSION_BYTES',
    'Bytes for which one session gets addresses of the bucket, all together; the rest goes through the coordinator. A hundred of the largest artifacts: what somebody with the token of an agent can put there.',
  ),
  closeMs: limit(
    2_000,
    'ms',
    null,
    'How long a coordinator that shuts down waits for its peers and its disk.',
  ),
  coordinatorDrainMs: limit(
    5_000,
    'ms',
    'DTE_COORDINATOR_DRAIN_MS',
    'How long a standalone coordinator that is asked to end lets running sessions go on before it disconnects them. Short, because nothing is lost: sessions are on disk, and their jobs reconnect to its successor. With `closeMs` less than the 10 seconds after which Docker kills.',
  ),
  readyCheckMs: limit(
    1_000,
    'ms',
    null,
    'How long an answer of `GET /v1/ready` about the disk is used again. Everybody may ask, and nobody can make the disk busy with it.',
  ),
  readyFreeBytes: limit(
    64 * MiB,
    'bytes',
    'DTE_READY_FREE_BYTES',
    'Free space below which a coordinator says that it is not ready: the journals of its sessions still fit, the next large output may not.',
  ),
  tlsReloadMs: limit(
    10_000,
    'ms',
    null,
    'How often the files of `tlsCert` and `tlsKey` are read again. Certificates are renewed days before they expire.',
  ),
  dataFolderWaitMs: limit(
    5_000,
    'ms',
    'DTE_DATA_FOLDER_WAIT_MS',
    'How long a starting coordinator waits for its predecessor to release the data folder; longer than `closeMs`.',
  ),
  dataFolderStaleMs: limit(
    8_000,
    'ms',
    'DTE_DATA_FOLDER_STALE_MS',
    'Age at which the lock of a data folder is considered abandoned if its holder is on another machine or in another container. All coordinators of a folder must have the same value.',
  ),
  dataFolderPollMs: limit(
    50,
    'ms',
    null,
    'Interval at which a starting coordinator checks a data folder that is in use.',
  ),
  coordinatorLogBytes: limit(
    10 * MiB,
    'bytes',
    'DTE_MAX_LOG_BYTES',
    'Size of `coordinator.log` in the data folder of a main job. Above it, the older half is deleted. A standalone coordinator writes its log to stderr.',
  ),
  reportBytes: limit(
    128 * MiB,
    'bytes',
    'DTE_MAX_REPORT_BYTES',
    'Events of one session, as JSON, that its report is made of, which is in memory while the session is. 100,000 tasks have about 100 MiB. What comes later is left out, and the report says so.',
  ),
  reportRecentBytes: limit(
    4 * MiB,
    'bytes',
    null,
    'The latest events of one session that are kept for readers of its live report: minutes of a large run. A reader that is further behind is told to load the whole report again.',
  ),
  reportPieceBytes: limit(
    256 * KiB,
    'bytes',
    null,
    'Events that are written to a reader of the live report at a time. The next piece waits until the socket has taken it, so that a slow reader costs no memory.',
  ),
  reportFlushMs: limit(
    200,
    'ms',
    null,
    'Time that events for readers of the live report are collected. Nobody reads faster, and a large run has a thousand events a second.',
  ),
  reportHeartbeatMs: limit(
    15_000,
    'ms',
    null,
    'Interval of comments in a stream without events: shorter than the idle timeouts of proxies, and it finds readers that are gone.',
  ),
  reportReadersPerSession: limit(
    50,
    'count',
    'DTE_MAX_REPORT_READERS_PER_SESSION',
    'Readers of the live report of one session, with those of live output: a team. Further ones are told to retry.',
  ),
  reportReaders: limit(
    500,
    'count',
    'DTE_MAX_REPORT_READERS',
    'Readers of live reports of one coordinator, with those of live output, so that they never take the connections of jobs.',
  ),
  reportCacheMs: limit(
    1_000,
    'ms',
    null,
    'How long the JSON of a report is reused for other readers. For a large one longer: at most a twentieth of the time is spent on making it.',
  ),
  liveOutputBytes: limit(
    64 * KiB,
    'bytes',
    null,
    'The end of the output of one running task that a new reader of its live output gets: about a thousand lines.',
  ),
  liveOutputTotalBytes: limit(
    16 * MiB,
    'bytes',
    null,
    'The same for all running tasks of one session: 256 tasks that print much. Above it, that of the task which has printed nothing for the longest time is dropped.',
  ),
  forwardedEventsBytes: limit(
    4 * MiB,
    'bytes',
    null,
    'Events for the live report in one request of a main job.',
  ),
  forwardedEventsWaitingBytes: limit(
    32 * MiB,
    'bytes',
    null,
    'Events for the live report that wait in a main job: more than a command of 100,000 tasks has at a time. What does not fit is left out of the live report; the report of the job itself has it.',
  ),
  forwardedEventsDelayMs: limit(
    500,
    'ms',
    null,
    'Time that a main job collects events for the live report before it sends them.',
  ),
  forwardedEventsEndMs: limit(
    2_000,
    'ms',
    null,
    'How long a command that has ended waits until the coordinator has taken its last events for the live report.',
  ),
  viewLinkMs: limit(
    14_400_000,
    'ms',
    'DTE_VIEW_LINK_MS',
    'How long the link to the live report in the log of a main job is valid: a long pipeline and its retries. Whoever can read the log can open it.',
  ),
  viewerMs: limit(
    3_600_000,
    'ms',
    'DTE_VIEWER_MS',
    'How long somebody who has signed in with GitLab may read the report before GitLab is asked again: members of a project change.',
  ),
  signInMs: limit(600_000, 'ms', null, 'Time to sign in with GitLab, with a password and a second factor.'),
  journalRetryMs: limit(
    30_000,
    'ms',
    null,
    'How long a session waits for disk space for its journal before it disconnects its peers.',
  ),
  journalRetryEveryMs: limit(
    500,
    'ms',
    null,
    'Delay between two attempts to write the journal within journalRetryMs.',
  ),
  journalTailBytes: limit(
    4 * MiB,
    'bytes',
    'DTE_JOURNAL_TAIL_BYTES',
    'What may be appended to the journal of a session, with the compressed specs of its runs, before the journal is compacted. A restart replays it in about a second.',
  ),
  journalTailFactor: limit(
    1,
    'count',
    null,
    'A journal with a large snapshot is compacted later, when what was appended is this many times as large as the snapshot. Thus compacting never writes more than the session itself, and a restart replays no more than it reads at once.',
  ),
  dialMs: limit(
    5_000,
    'ms',
    null,
    'Timeout for connecting to one address of a coordinator. A packet filter may not answer at all.',
  ),
  dialStaggerMs: limit(
    250,
    'ms',
    null,
    'Delay before the next address of a coordinator is tried in parallel (RFC 8305). The first that answers is used.',
  ),
  pinPatienceMs: limit(
    5_000,
    'ms',
    'DTE_PIN_PATIENCE_MS',
    'How long a TLS key other than the published one is attributed to a retried main job that has not published its own yet.',
  ),
  tunnelConnections: limit(
    512,
    'count',
    null,
    'Connections of all executors of one agent, or of one main job, to their coordinator.',
  ),
  handshakeMs: limit(10_000, 'ms', null, 'Timeout for the first message on a connection.'),
  heartbeatMs: limit(
    5_000,
    'ms',
    'DTE_HEARTBEAT_MS',
    'Interval of heartbeats. Six of them fit into one lease.',
  ),
  leaseMs: limit(
    30_000,
    'ms',
    'DTE_LEASE_MS',
    'How long an agent may be silent before its running attempts are lost.',
  ),
  agentReturnMs: limit(
    15_000,
    'ms',
    'DTE_AGENT_RETURN_MS',
    'How long an agent whose connection broke may take to reconnect before its running attempts are lost; at most `leaseMs`. One retry takes no longer: 5 s of backoff (reconnectMaxMs) and 10 s of handshake. After a restart of the coordinator, agents have `leaseMs`.',
  ),
  agentWaitMs: limit(
    60_000,
    'ms',
    'DTE_AGENT_WAIT_MS',
    'How long the main job waits for the first, or for another, agent before it runs the remaining tasks itself.',
  ),
  mainSlotsWaitMs: limit(
    15_000,
    'ms',
    'DTE_MAIN_SLOTS_WAIT_MS',
    'How long a main job with `mainSlots: auto` waits for agents before it runs tasks itself. Its executors need seconds to start, and so do those of agents.',
  ),
  coordinatorGraceMs: limit(
    40_000,
    'ms',
    'DTE_COORDINATOR_GRACE_MS',
    'How long the coordinator may be unavailable before the main job runs the remaining tasks itself and the agents leave. A restart within 30 s costs nothing: reconnecting takes up to 10 s more (reconnectMaxMs, handshake).',
  ),
  unreachableMs: limit(
    15_000,
    'ms',
    'DTE_UNREACHABLE_MS',
    'How long an agent that has found an address tries to connect before it reports an error and leaves. The main job learns of it a few seconds later (reportsPollMs): both within 20 s.',
  ),
  connectTimeoutMs: limit(
    10_000,
    'ms',
    'DTE_CONNECT_TIMEOUT_MS',
    'Timeout for the first connection of the main job to a coordinator.',
  ),
  coordinatorStartMs: limit(
    120_000,
    'ms',
    'DTE_COORDINATOR_START_MS',
    'Timeout for the start of an embedded coordinator while its process runs. If many jobs share a machine, that can take a minute. If the process exits, the wait ends immediately.',
  ),
  mainLostMs: limit(
    60_000,
    'ms',
    'DTE_MAIN_LOST_MS',
    'How long a main job may be disconnected before its run is cancelled. The agents of a standalone coordinator leave then.',
  ),
  agentIdleMs: limit(
    1_800_000,
    'ms',
    'DTE_AGENT_IDLE_MS',
    'How long an agent waits for a coordinator, or for work, before it leaves with exit code 0.',
  ),
  waitNoteMs: limit(
    60_000,
    'ms',
    'DTE_WAIT_NOTE_MS',
    'How often an agent without work prints what it is waiting for, and for how long it has waited. A silent job looks like one that hangs.',
  ),
  sessionIdleMs: limit(
    600_000,
    'ms',
    'DTE_SESSION_IDLE_MS',
    'How long a session without a main job and without runs stays open. Not used in a GitLab job, because its end is known there.',
  ),
  drainMs: limit(
    30_000,
    'ms',
    'DTE_DRAIN_MS',
    'How long a stopping agent lets its tasks finish before it returns them.',
  ),
  finalReportMs: limit(
    5_000,
    'ms',
    null,
    'How long a leaving agent waits for the coordinator to take the results of its last tasks.',
  ),
  killMs: limit(5_000, 'ms', null, 'Delay between SIGTERM and SIGKILL for a process tree.'),
  timeoutSettleMs: limit(
    10_000,
    'ms',
    null,
    'How long, after `taskTimeoutMs` and `killMs`, an executor may take to report the task that it has stopped, before it is stopped itself.',
  ),
  missReasonsMs: limit(
    3_000,
    'ms',
    'DTE_MISS_REASONS_MS',
    'How long a command may take after its last task to find out why tasks were not cached, and to keep their inputs for later pipelines.',
  ),
  gitCommandMs: limit(30_000, 'ms', null, 'Timeout for a git command in a local clone of any size.'),
  gitFetchMs: limit(
    300_000,
    'ms',
    'DTE_GIT_FETCH_MS',
    'Timeout for `dte base-sha` to fetch the history that a shallow clone lacks, in a large repository.',
  ),
  planMs: limit(
    600_000,
    'ms',
    'DTE_PLAN_MS',
    'How long `dte plan` waits for Nx: project graph, hashes and, with a remote cache, the lookups.',
  ),
  gitlabAnswerMs: limit(
    10_000,
    'ms',
    'DTE_GITLAB_TIMEOUT_MS',
    "Timeout for one answer of GitLab's pipelines API. There is a fallback for the base.",
  ),
  gitlabAnswerBytes: limit(
    4 * MiB,
    'bytes',
    null,
    "Size of one answer of GitLab's API. A page of 50 pipelines has about 30 kB.",
  ),
  noteMs: limit(
    30_000,
    'ms',
    'DTE_NOTE_MS',
    'Time for writing the note of a merge request, all requests together. GitLab gives `after_script` five minutes.',
  ),
  cacheArtifactBytes: limit(
    80 * MiB,
    'bytes',
    'DTE_CACHE_ARTIFACT_BYTES',
    "Results that one main job keeps for later pipelines in its job artifacts (`gitlab-artifacts`). GitLab's own limit for all artifacts of a job is 100 MB by default, and more than that fails the job.",
  ),
  cacheIndexBytes: limit(
    16 * MiB,
    'bytes',
    null,
    'Size of the index of a main job (`gitlab-artifacts`). An entry has about 500 bytes.',
  ),
  cacheIndexEntries: limit(
    20_000,
    'count',
    null,
    'Entries in the index of a main job (`gitlab-artifacts`): with 500 bytes each, 10 MB that each main job reads and writes.',
  ),
  cacheIndexPauseMs: limit(
    1_000,
    'ms',
    null,
    'Pause between two versions of the index of a main job (`gitlab-artifacts`) while results arrive. What arrives in the last one is lost if the job is killed.',
  ),
  gitlabPages: limit(
    6,
    'count',
    null,
    'Pages of 50 pipelines that are searched for a successful one. After 300 pipelines, the base is too old to save much.',
  ),
  executorFrozenMs: limit(
    10_000,
    'ms',
    'DTE_EXECUTOR_FROZEN_MS',
    'How long an executor, a server or a batch process may be suspended (SIGSTOP, a debugger) before it is stopped and its attempts are lost. Well below `leaseMs`.',
  ),
  executorStartMs: limit(
    120_000,
    'ms',
    'DTE_EXECUTOR_START_MS',
    'Timeout for the start of an executor: time to build the project graph of a very large workspace.',
  ),
  executorStartTries: limit(
    3,
    'count',
    null,
    'Failed starts of executors in a row after which an agent without a single executor leaves.',
  ),
  executorRestartMinMs: limit(
    250,
    'ms',
    null,
    'First window of the delay before an executor is started again.',
  ),
  executorRestartMaxMs: limit(
    10_000,
    'ms',
    null,
    'Last window of the delay before an executor is started again.',
  ),
  httpRequestMs: limit(
    60_000,
    'ms',
    'DTE_HTTP_TIMEOUT_MS',
    'How long an HTTP request may make no progress before it is aborted. An upload is continued if the coordinator answers on another connection.',
  ),
  uploadAnswerMs: limit(
    600_000,
    'ms',
    null,
    'How long an upload may make no visible progress while the coordinator answers on another connection. On a slow connection, megabytes are in transit then: the kernel buffers up to 4 MB, so uploads need about 7 kB per second. As long as the ten intervals (bodyWindowMs) in which the coordinator requires progress of a download.',
  ),
  httpIdleMs: limit(
    5_000,
    'ms',
    null,
    'How long an agent or main job keeps an idle HTTP connection open. A thousand agents would otherwise hold thousands of file descriptors of the coordinator while their tasks run.',
  ),
  attemptsPerTask: limit(
    3,
    'count',
    'DTE_ATTEMPTS',
    'Attempts that a task can lose to infrastructure faults before the main job runs it.',
  ),
  releaseIdleMs: {
    ...limit(
      30_000,
      'ms',
      'DTE_RELEASE_IDLE_MS',
      'How long an agent has had nothing to do, and no run was submitted, before it is released because the rest of the session cannot use it (option `releaseAgentsEarly`). Long enough for commands that the main job starts beside each other. 0: none is released before the end.',
    ),
    mayBeZero: true,
  },
  reserveSlots: {
    ...limit(
      1,
      'count',
      'DTE_RESERVE_SLOTS',
      'Slots that stay in addition, for each task that can still run at the same time, when agents are released early: so each of them may be started a second time, and half of the slots may be lost. 0: only as many stay as tasks find a free slot even without any one agent.',
    ),
    mayBeZero: true,
  },
  retriesPerTask: limit(
    10,
    'count',
    null,
    'Largest value for the option retries. A task that fails more often is broken.',
  ),
  flakyMs: limit(
    1_209_600_000,
    'ms',
    'DTE_FLAKY_MS',
    'How long a task that failed and succeeded with the same hash is considered flaky: 14 days.',
  ),
  historyEntries: limit(
    50_000,
    'count',
    'DTE_HISTORY_ENTRIES',
    'Entries (one per task and hash) of one project in the history of flaky tasks, about 150 bytes each. Above it, the oldest entries are deleted.',
  ),
  historyProjects: limit(
    32,
    'count',
    null,
    'Projects whose history is kept in memory. Of all projects of a service, few are active at the same time.',
  ),
  durationEntries: limit(
    50_000,
    'count',
    null,
    'Entries (one per task and kind of agent) of one project in the history of durations, about 100 bytes each. Above it, those that ran longest ago are deleted.',
  ),
  durationsMs: limit(
    7_776_000_000,
    'ms',
    null,
    'How long the duration of a task that has not run since is remembered: 90 days. After that, the task has probably gone or changed.',
  ),
  flakyTasksShown: limit(1_000, 'count', null, 'Flaky tasks in one answer to `dte status`.'),
  progressMs: limit(
    10_000,
    'ms',
    'DTE_PROGRESS_MS',
    'Interval of the progress lines in the log of the main job.',
  ),
  serverIdleMs: limit(
    10_000,
    'ms',
    'DTE_SERVER_IDLE_MS',
    'How long an agent keeps a server (a continuous task) running after its last user. The next one may follow soon, and a restart costs more.',
  ),
  serverOutputChars: limit(
    16 * KiB,
    'count',
    null,
    "Characters of a server's output in one message to the main job. The agent's own log contains all of it.",
  ),
  restoreConcurrency: limit(
    8,
    'count',
    'DTE_RESTORE_CONCURRENCY',
    'Artifacts that one machine restores at a time.',
  ),
  sharedOutputsMs: limit(
    1_800_000,
    'ms',
    'DTE_SHARED_OUTPUTS_MS',
    'How long a restore waits for tasks and restores on the same machine that write to the same outputs: as long as a long task takes.',
  ),
  rendezvousMs: limit(
    86_400_000,
    'ms',
    null,
    'Age at which a published address is ignored: no job runs for longer than a day.',
  ),
  rendezvousReports: limit(
    20,
    'count',
    null,
    'Reports of agents that cannot connect to the coordinator, as far as they are read. A few are as informative as a thousand.',
  ),
  rendezvousRequestMs: limit(
    10_000,
    'ms',
    'DTE_RENDEZVOUS_TIMEOUT_MS',
    'Timeout for one answer of the package registry.',
  ),
  rendezvousRetryMs: limit(
    30_000,
    'ms',
    'DTE_RENDEZVOUS_RETRY_MS',
    'How long a request to a package registry that is busy (429) or failing (5xx) is retried.',
  ),
  rendezvousAnswerBytes: limit(
    1 * MiB,
    'bytes',
    null,
    'Size of one answer of the package registry. A page of 100 packages has about 100 kB, a record less than 2 kB.',
  ),
  rendezvousPollMinMs: limit(
    1_000,
    'ms',
    null,
    'First polling interval of an agent that waits for its main job.',
  ),
  rendezvousPollMaxMs: limit(
    5_000,
    'ms',
    'DTE_RENDEZVOUS_POLL_MS',
    'Later polling interval of an agent that waits for its main job. 100 agents poll 20 times a second; GitLab.com allows 33 requests per user.',
  ),
  rendezvousKeepMs: limit(
    172_800_000,
    'ms',
    null,
    'Age at which the package of an old session is deleted: twice as long as an address is valid.',
  ),
  rendezvousTidies: limit(50, 'count', null, 'Packages of old pipelines that one main job deletes.'),
  reportsPollMs: limit(
    3_000,
    'ms',
    null,
    'Interval at which a main job without agents checks whether agents report that they cannot connect.',
  ),
  jobCheckMs: limit(
    15_000,
    'ms',
    'DTE_JOB_CHECK_MS',
    'Interval at which an embedded coordinator asks GitLab whether its job is still running.',
  ),
  finishedRecordMs: limit(
    86_400_000,
    'ms',
    null,
    'How long late agents are told that their session is finished: as long as an address is valid.',
  ),
  embeddedLingerMs: limit(
    60_000,
    'ms',
    'DTE_EMBEDDED_LINGER_MS',
    'How long an embedded coordinator keeps running after its session has ended, to inform late agents.',
  ),
  reconnectMinMs: limit(100, 'ms', null, 'First window of the reconnect backoff.'),
  reconnectMaxMs: limit(5_000, 'ms', null, 'Last window of the reconnect backoff.'),
  reconnectSoonMs: limit(
    1_000,
    'ms',
    null,
    'Its last window in the first `reconnectSoonTries` tries, at first and whenever a connection broke, if the address is configured: such a coordinator is restarted, and work waits for it. A rendezvous is asked for the address before each try, so there it is `reconnectMaxMs`.',
  ),
  reconnectSoonTries: limit(20, 'count', null, 'See reconnectSoonMs: about 14 s.'),
} as const satisfies Record<string, Limit>;

export type LimitName = keyof typeof LIMITS;
export type LimitValues = Record<LimitName, number>;

/**
 * All limits as plain numbers, with the overrides from an environment. An override that is not a positive integer is
 * returned in `invalid`, and the default applies.
 */
export function readLimits(env: Readonly<Record<string, string | undefined>>): {
  limits: LimitValues;
  invalid: { env: string; value: string }[];
} {
  const invalid: { env: string; value: string }[] = [];
  const limits = {} as LimitValues;
  for (const [name, { value, env: variable, mayBeZero }] of Object.entries(LIMITS) as [LimitName, Limit][]) {
    const raw = variable === null ? undefined : env[variable];
    if (variable === null || raw === undefined || raw === '') {
      limits[name] = value;
    } else if (/^[1-9][0-9]{0,14}$/.test(raw) || (raw === '0' && mayBeZero === true)) {
      limits[name] = Number(raw);
    } else {
      limits[name] = value;
      invalid.push({ env: variable, value: raw });
    }
  }
  return { limits, invalid };
}
