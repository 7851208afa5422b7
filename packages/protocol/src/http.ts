import { z } from 'zod';
import { hashSchema, labelSchema, printable, runIdSchema, taskIdSchema } from './ids';
import { LIMITS } from './limits';
import { agentInfoSchema } from './main-messages';

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
