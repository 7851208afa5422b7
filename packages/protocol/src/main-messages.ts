import { z } from 'zod';
import { capacitySchema } from './capacity';
import { labelSchema, runIdSchema, taskIdSchema } from './ids';
import { introductionSchema } from './introduction';
import { LIMITS } from './limits';
import { reasonSchema, runLogEntrySchema } from './result';

/** What a main job wants from one of its runs; complete and idempotent. */
export const mainSyncSchema = z.strictObject({
  type: z.literal('main.sync'),
  runId: runIdSchema,
  /** All log entries up to this one are processed; the coordinator may delete them. */
  ackSeq: z.int().min(0),
  /** `follow`: send new entries. `cancel`: start nothing more, stop what runs. `close`: the command has ended. */
  want: z.enum(['follow', 'cancel', 'close']),
});
export type MainSync = z.infer<typeof mainSyncSchema>;

/** Progress of a run, for the progress line. */
const runSummarySchema = z.strictObject({
  total: z.int().min(0),
  done: z.int().min(0),
  running: z.int().min(0),
  agents: z.int().min(0),
  slots: z.int().min(0),
  oldestRunning: z
    .strictObject({ taskId: taskIdSchema, agentName: z.string(), forMs: z.number() })
    .nullable(),
});
export type RunSummary = z.infer<typeof runSummarySchema>;

/** Updates of a run: the entries after `fromSeq`, in order, and the resulting state. */
export const runUpdateSchema = z.strictObject({
  type: z.literal('run.update'),
  runId: runIdSchema,
  /** seq of the entry before the first of `entries`. */
  fromSeq: z.int().min(0),
  entries: z.array(runLogEntrySchema).max(LIMITS.logEntriesPerFrame.value),
  state: z.enum(['running', 'finished', 'cancelled']),
  summary: runSummarySchema,
});
export type RunUpdate = z.infer<typeof runUpdateSchema>;

/** Live output, relayed from `agent.output`. */
export const runOutputSchema = z.strictObject({
  type: z.literal('run.output'),
  runId: runIdSchema,
  taskId: taskIdSchema,
  attempt: z.int().min(1),
  offset: z.int().min(0),
  data: z.string().max(LIMITS.outputChunkBytes.value),
  /** See `agent.output`. */
  last: z.literal(true).optional(),
});
export type RunOutput = z.infer<typeof runOutputSchema>;

/** An agent as it is shown to people. */
export const agentInfoSchema = z.strictObject({
  agentId: z.string(),
  ...introductionSchema.shape,
  slots: z.int().min(1).nullable().describe("Its --slots; null: the runs' --parallel."),
  connected: z.boolean(),
  draining: z.boolean().describe('It takes no more tasks.'),
  running: z.array(taskIdSchema).describe('Ids of tasks.'),
  finished: z.int().min(0).describe('Number of tasks.'),
  onlyRun: runIdSchema.optional().describe('It accepts tasks of this run only.'),
  labels: z.array(z.string()).optional().describe('The labels that assignment rules refer to.'),
  capacity: capacitySchema
    .optional()
    .describe('Its --slots=auto: it takes tasks as far as they fit into this, up to `slots`.'),
});
export type AgentInfo = z.infer<typeof agentInfoSchema>;

/** The members of this session; sent to main jobs and observers on every change. */
export const sessionInfoSchema = z.strictObject({
  type: z.literal('session.info'),
  sessionId: z.string(),
  state: z.enum(['open', 'finished']),
  agents: z.array(agentInfoSchema),
  /**
   * A client that was rejected in the handshake, for a line in the main job's log. An unauthenticated client has no
   * name (null), and nothing it sent is shown: such clients are counted by code, and the reason contains their number.
   */
  refused: z
    .array(z.strictObject({ name: labelSchema(256).nullable(), reason: reasonSchema }))
    .max(LIMITS.refusedPerSession.value),
  /** How many agents were released before the end of the session, because the rest of it can't use them; omitted: none. */
  released: z.int().min(1).optional(),
});
export type SessionInfo = z.infer<typeof sessionInfoSchema>;

/** An error that is reported to a peer; after a `fatal` one the connection is closed. */
export const errorMessageSchema = z.strictObject({
  type: z.literal('error'),
  reason: reasonSchema,
  fatal: z.boolean(),
});
