// Apart from the schemas of what they carry: executors need only these.

/**
 * The HTTP endpoints, on the same port as the WebSocket. All except `health` and `ready` require `Authorization: Bearer <token>`
 * with the token of the welcome message. Errors are `text/plain` with the message in the first line (Nx prints it) and
 * the code in the header `x-dte-error`.
 */
export const HTTP = {
  connect: '/v1/connect',
  /** GET: the process lives. */
  health: '/v1/health',
  /** GET -> 200 {ready: true} | 503 {ready: false, why}: whether new sessions should be sent here. */
  ready: '/v1/ready',
  /** Nx's self-hosted remote cache contract. */
  cache: (hash: string) => `/v1/cache/${hash}`,
  /**
   * PUT/GET, gzipped UTF-8: the terminal output of a cached task, separate from its outputs. Written for tasks whose
   * outputs the main job does not download (`TaskSpec.terminalApart`), because Nx's format has the terminal output at
   * the end.
   */
  terminal: (hash: string) => `/v1/cache/${hash}/terminal`,
  /** POST {hashes} -> {held}, with sizes and origins if requested. */
  cacheQuestion: '/v1/cache-question',
  /** POST {pipelineId} (main job of a trusted pipeline) -> {forgotten}: removes all that a pipeline wrote to the shared cache. */
  cacheForget: '/v1/cache-forget',
  /** PUT/GET, dte's own tar of one attempt (see attempt-archive.ts). Attempt 0 is the main job's. */
  attempt: (runId: string, taskId: string, attempt: number) =>
    `/v1/runs/${runId}/attempts/${encodeURIComponent(taskId)}/${attempt}`,
  /**
   * POST on the path of an artifact -> {state}: a reader suspects damage. The coordinator does not trust the report: it
   * reads the artifact again, and removes it only if it finds the damage itself.
   */
  check: (artifactPath: string) => `${artifactPath}/check`,
  /**
   * On the path of an artifact of the cache, for senders that can write elsewhere. POST `DirectUpload` -> `DirectUploadAnswer`: where these
   * bytes can be put, if they need not come here. PUT the same when they are there -> 200, as if they had been sent here.
   */
  direct: (artifactPath: string) => `${artifactPath}/direct`,
  /** POST a RunSpec (main job) -> RunAccepted. Idempotent: the same runId gets the same answer. */
  runs: '/v1/runs',
  /** GET the RunSpec back (executors). */
  run: (runId: string) => `/v1/runs/${runId}`,
  /**
   * PUT (main job) and GET (agents): the values of `forwardEnv`. They are kept only in memory, so a main job sends them
   * after it has submitted the run, and again each time it reconnects. Until then, agents are told to retry.
   */
  runEnv: (runId: string) => `/v1/runs/${runId}/env`,
  /** POST: settings of `dte start-ci-run`. */
  sessionSettings: '/v1/session/settings',
  /** POST: no more work will be submitted; agents leave when the submitted work is done. */
  sessionComplete: '/v1/session/complete',
  /** GET: SessionStatus. */
  sessionStatus: '/v1/session/status',
  /** POST: a command kept with the session (`dte record`). */
  records: '/v1/session/records',
  /** POST: what only the main job knows of its commands, for the report (`forwardedEventsSchema` of @org/dte-report). */
  reportEvents: '/v1/session/report-events',
  /** POST -> ViewLink: a link with which people may look at the report of this session, and at nothing else. */
  viewLink: '/v1/session/view-link',
  /** GET {seq, model}: the report of the session so far. `id` is the session of the token: any other is refused. */
  sessionModel: (id: string) => `/v1/sessions/${id}/model`,
  /** GET ?after=seq: what followed, as server-sent events; each is a JSON array of report events. */
  sessionEvents: (id: string) => `/v1/sessions/${id}/events`,
  /** GET ?run=id&task=id: the terminal output of a running task from about now on, as text. */
  sessionOutput: (id: string) => `/v1/sessions/${id}/output`,
} as const;

/**
 * In the query of an agent's GET of a run: the hashes of its tasks may be null. Those that an attempt needs are in its assignment. A
 * coordinator that does not know it sends them.
 */
export const WITHOUT_HASHES = { hashes: 'none' } as const;
/**
 * Runs of more tasks may be sent without hashes: up to this number, one write of all of them to Nx's database is cheaper for an agent
 * than one for each. Not configurable: it only saves time.
 */
export const LEAN_RUN_TASKS = 5_000;

/**
 * The sha256 of an artifact (RFC 9530), in every answer that contains one. The reader verifies it before it unpacks
 * anything. In an upload it is the digest of what the sender intends to send; other content is rejected.
 */
export const DIGEST_HEADER = 'repr-digest';

/** @param sha256 in base64 */
export const digestHeaderOf = (sha256: string): string => `sha-256=:${sha256}:`;

/** The sha256 in base64; null when the header has none. */
export const sha256OfHeader = (header: string): string | null =>
  /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):/.exec(header)?.[1] ?? null;

/**
 * In a GET of an artifact: the reader can read the bytes elsewhere. The coordinator may then answer 307 with an address that needs no
 * credentials, and with `DIGEST_HEADER` and `BYTES_HEADER`; a reader that fails there asks again without this header.
 */
export const DIRECT_HEADER = 'x-dte-direct';
/** The size of the artifact in bytes, in an answer 307. */
export const BYTES_HEADER = 'x-dte-bytes';

/**
 * In an answer to a main job: lines for the people who read its log, as a JSON array that is percent-encoded. Clients that do not know it
 * say nothing.
 */
export const NOTICE_HEADER = 'x-dte-notice';
