import { z } from 'zod';
import { hashSchema, labelSchema, printable, runIdSchema, taskIdSchema } from './ids';
import { LIMITS } from './limits';
import { agentInfoSchema } from './main-messages';

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
/** Of the lines of one answer, and of each: with their encoding, they fit into the headers that any client and proxy takes (8 kB). */
const NOTICE_LINES = 4;
/** See above: a line of a log that people read at once. */
const NOTICE_CHARS = 600;

export const noticeHeaderOf = (lines: readonly string[]): string =>
  encodeURIComponent(
    JSON.stringify(lines.slice(0, NOTICE_LINES).map((line) => printable(line, NOTICE_CHARS))),
  );

/** The lines of a header; none if it is not valid: nothing depends on them. */
export function noticesOfHeader(header: string): string[] {
  try {
    return noticesSchema.parse(JSON.parse(decodeURIComponent(header)));
  } catch {
    return [];
  }
}

const noticesSchema = z
  .array(z.string().transform((line) => printable(line, NOTICE_CHARS)))
  .max(NOTICE_LINES);

/** The coordinator's finding about an artifact that a reader suspects. */
export const checkAnswerSchema = z.strictObject({ state: z.enum(['good', 'removed', 'absent']) });

export const cacheQuestionSchema = z.strictObject({
  hashes: z.array(hashSchema).max(LIMITS.hashesPerQuestion.value),
  /** True: also return the sizes. */
  sizes: z.boolean().optional(),
  /** True: also return which of them other pipelines have made. */
  origins: z.boolean().optional(),
});

/** Which pipeline made a result of the shared cache: shown for each hit. */
export const cacheOriginSchema = z.strictObject({
  /** `trusted`, or `own`: of an earlier pipeline of the same ref. */
  scope: z.enum(['trusted', 'own']),
  pipelineId: z.string().max(64),
  /** Of the job whose agent ran the task; null if unknown. */
  jobId: z.string().max(64).nullable(),
  commit: z.string().max(64),
  agent: z.string().max(256),
  /** When it was stored, ms since the epoch. */
  atMs: z.number(),
});
export type CacheOrigin = z.infer<typeof cacheOriginSchema>;

export const cacheAnswerSchema = z.strictObject({
  held: z.array(hashSchema),
  /** Bytes of each of `held`, in the same order, if they were requested. */
  bytes: z.array(z.int().min(0)).optional(),
  /** For each of `held`, in the same order, if requested: null if this session has made it. */
  origins: z.array(cacheOriginSchema.nullable()).optional(),
});
export type CacheAnswer = z.infer<typeof cacheAnswerSchema>;

/** What a sender has for the store. */
export const directUploadSchema = z.strictObject({
  bytes: z.int().min(0),
  /** In base64. */
  sha256: z.string().regex(/^[A-Za-z0-9+/]{43}=$/),
});
export type DirectUpload = z.infer<typeof directUploadSchema>;

export const directUploadAnswerSchema = z.strictObject({
  /** Where a PUT of exactly these bytes is accepted, with these headers and no credentials; null: they are to be sent here. */
  address: z
    .strictObject({
      url: z.url({ protocol: /^https?$/ }).max(8192),
      headers: z.record(z.string().regex(/^[a-z0-9-]{1,64}$/), z.string().max(1024)),
    })
    .nullable(),
  /** False: there will be no address for any artifact, so there is no need to ask. */
  again: z.boolean(),
});
export type DirectUploadAnswer = z.infer<typeof directUploadAnswerSchema>;

/** Where people look at a session's report. The fragment of `path` is the credential: browsers do not send it. */
export const viewLinkSchema = z.strictObject({
  path: z.string().startsWith('/ui/').max(2048),
  /** Where people reach the coordinator; null: under the address that the client uses. */
  baseUrl: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .nullable(),
  expiresAtMs: z.number(),
});
export type ViewLink = z.infer<typeof viewLinkSchema>;

export const cacheForgetSchema = z.strictObject({ pipelineId: z.string().regex(/^[0-9]{1,20}$/) });
export const cacheForgottenSchema = z.strictObject({ forgotten: z.int().min(0) });

/** The values of a run's `forwardedEnv`; a name without a value is not set on the main job. */
export const forwardedEnvSchema = z.strictObject({ values: z.record(z.string().min(1), z.string()) });
export type ForwardedEnv = z.infer<typeof forwardedEnvSchema>;

export const runAcceptedSchema = z.strictObject({
  runId: runIdSchema,
  /**
   * How long each task of the spec, in its order, is expected to run, in ms; null: neither earlier runs nor the option `weights`
   * tell. Omitted: nothing is known of any of them, or the run is closed.
   */
  expectedMs: z.array(z.number().positive().nullable()).max(LIMITS.runTasks.value).optional(),
});
export type RunAccepted = z.infer<typeof runAcceptedSchema>;

/** Settings that `dte start-ci-run` makes for a session. */
export const sessionSettingsSchema = z.strictObject({
  /** Release the agents when a run that names any of these targets has ended and no work is left. */
  stopAgentsAfter: z.array(z.string().min(1)).max(100),
  /** Release the agents when the first task fails. */
  stopAgentsOnFailure: z.boolean(),
  /** Keep the session open until `dte complete-ci-run`. */
  requireExplicitCompletion: z.boolean(),
  /** The CI job that made the settings. A job with another id that finds the session finished is another try of it. */
  openedBy: labelSchema(128).optional(),
  /**
   * The main job holds a connection while it runs (`dte hold-session`). When no such connection is left, the main job
   * is gone, and nobody needs to wait for its next command (limit mainLostMs instead of sessionIdleMs).
   */
  held: z.boolean().optional(),
  /** Release agents before the session is over, as soon as the rest of it can't use them; omitted: no. */
  releaseEarly: z.boolean().optional(),
});
export type SessionSettings = z.infer<typeof sessionSettingsSchema>;

/** Sent by `dte complete-ci-run`; without a body, nothing of it is set. */
export const sessionCompletionSchema = z.strictObject({
  /** The main job writes the note of its merge request itself, so its coordinator writes none. */
  writesNote: z.boolean().optional(),
});
export type SessionCompletion = z.infer<typeof sessionCompletionSchema>;

export const DEFAULT_SESSION_SETTINGS: SessionSettings = {
  stopAgentsAfter: [],
  stopAgentsOnFailure: false,
  requireExplicitCompletion: false,
};

/** A command run by `dte record`. */
export const recordSchema = z.strictObject({
  command: labelSchema(8192),
  exitCode: z.int(),
  startMs: z.number(),
  endMs: z.number(),
  output: z.string().max(LIMITS.recordBytes.value),
});
export type SessionRecord = z.infer<typeof recordSchema>;

/** A task that failed and succeeded with the same hash, and when it last did each. Milliseconds since the epoch. */
const flakyTaskSchema = z.strictObject({
  taskId: taskIdSchema,
  hash: z.string().max(1024),
  failedAtMs: z.number(),
  succeededAtMs: z.number(),
});
export type FlakyTask = z.infer<typeof flakyTaskSchema>;

/** What `dte status` prints. Fields are only added, as optional ones: programs read it. */
export const sessionStatusSchema = z.strictObject({
  sessionId: z.string(),
  state: z.enum(['open', 'finished']),
  settings: sessionSettingsSchema,
  agents: z.array(agentInfoSchema),
  released: z
    .int()
    .min(1)
    .optional()
    .describe(
      "Number of agents that were released before the end, because the rest of the session can't use them.",
    ),
  runs: z.array(
    z.strictObject({
      runId: z.string(),
      command: z.string(),
      state: z.enum(['running', 'finished', 'cancelled', 'closed']),
      total: z.int().describe('Number of tasks.'),
      done: z.int(),
      failed: z.int(),
      running: z.int(),
    }),
  ),
  records: z
    .array(recordSchema.omit({ output: true }))
    .describe('Commands of `dte record`. Times: milliseconds since the epoch.'),
  flaky: z
    .array(flakyTaskSchema)
    .max(LIMITS.flakyTasksShown.value)
    .optional()
    .describe('Tasks of this project that are known to be flaky, the most recent evidence first.'),
});
export type SessionStatus = z.infer<typeof sessionStatusSchema>;

/** The JSON Schema of `dte status --json`; docs/reference/session-status.schema.json is generated from it. */
export const statusJsonSchema = (): object => ({
  ...z.toJSONSchema(sessionStatusSchema, { io: 'input' }),
  title: 'Status of a session of @org/dte',
});
