import { z } from 'zod';
import { ERROR_CODE_LIST } from './errors';
import { taskIdSchema } from './ids';
import { LIMITS } from './limits';
import { artifactSchema } from './task';

/** Why something did not go as planned: a code of the closed list and a sentence for a person. */
export const reasonSchema = z.strictObject({
  code: z.enum(ERROR_CODE_LIST),
  message: z.string().max(16_384),
});
export type Reason = z.infer<typeof reasonSchema>;

/** What an agent says of a server of its own that an attempt needed. */
const serverReportSchema = z.strictObject({
  taskId: taskIdSchema,
  /** Nx counts it as a failed task: it ended while it was needed, or was not ready in time. Never on Nx 21, which does not. */
  failed: z.boolean(),
  /** How it ended although it was needed, in a sentence; null while it runs. */
  ended: z.string().max(4096).nullable(),
  /** What it printed since this agent last said so, as far as it fits: the end of it. */
  output: z.string().max(LIMITS.serverOutputChars.value),
});
export type ServerReport = z.infer<typeof serverReportSchema>;
/** What an agent knows of a hash that differs from the main job's, so that the main job can name the difference. */
const driftSchema = z.strictObject({
  /** The main job's hash. */
  agreed: z.string().max(1024),
  /**
   * What its checkout has otherwise than the commit: path -> digest of the content, or a word; after a `+` where the commit
   * does not have the file. Null where there is no git.
   */
  checkout: z
    .strictObject({
      changes: z.record(z.string().max(4096), z.string().max(64)),
      /** False: there are more changes than these. */
      complete: z.boolean(),
    })
    .nullable(),
  /** Runtime inputs: command -> the beginning of what it printed. */
  runtime: z.record(z.string().max(4096), z.string().max(256)),
  /** Environment inputs: is the variable set? Values are never sent: any of them may be a secret. */
  env: z.record(z.string().max(1024), z.boolean()),
});
export type Drift = z.infer<typeof driftSchema>;

/** A task ran (or came from a cache) and its artifact is stored. */
const finishedAttemptSchema = z.strictObject({
  kind: z.literal('finished'),
  status: z.enum(['success', 'failure']),
  /** Exit code; Nx's convention: 0 exactly for success. */
  code: z.int(),
  /** Set when nothing ran on the agent because a cache had it. */
  fromCache: z.enum(['local-cache', 'remote-cache']).nullable(),
  /** Hash as computed on the agent. */
  hash: z.string().max(1024).nullable(),
  artifact: artifactSchema,
  /** Agent's clock, milliseconds since the epoch. */
  startMs: z.number(),
  endMs: z.number(),
  /** Set when the failure is ours to explain (DTE_HASH_MISMATCH, ...). */
  reason: reasonSchema.nullable(),
  /** Input name -> hash on the agent, sent with `drift` so that the main job can name the difference. */
  hashDetails: z.record(z.string(), z.string()).nullable(),
  /** The servers that the attempt needed, directly or not. */
  servers: z.array(serverReportSchema).optional(),
  /** Set when the agent's hash is not the main job's: with the failure DTE_HASH_MISMATCH, or (`warn`) of a task that ran. */
  drift: driftSchema.optional(),
});
export type FinishedAttempt = z.infer<typeof finishedAttemptSchema>;

/**
 * What the process of a batch printed by itself; each task's own output is in its artifact. The last of it when it is
 * more.
 */
const batchLogSchema = z.string().max(LIMITS.outputChunkBytes.value);

/**
 * What happened to one attempt, as its agent reports it.
 * - `finished`: the task ran (or came from a cache) and its artifact is stored.
 * - `batch`: each task of a batch; null for one that its executor skipped, because another one of the batch failed.
 * - `returned`: the attempt was lost through no fault of the task; it may be tried elsewhere.
 */
export const attemptResultSchema = z.discriminatedUnion('kind', [
  finishedAttemptSchema,
  z.strictObject({
    kind: z.literal('batch'),
    members: z
      .array(z.strictObject({ taskId: taskIdSchema, result: finishedAttemptSchema.nullable() }))
      .max(LIMITS.runTasks.value),
    log: batchLogSchema,
  }),
  z.strictObject({ kind: z.literal('returned'), reason: reasonSchema }),
]);
export type AttemptResult = z.infer<typeof attemptResultSchema>;
export type BatchResult = Extract<AttemptResult, { kind: 'batch' }>;

/** Who ran an attempt, for people. */
const agentRefSchema = z.strictObject({
  agentId: z.string(),
  name: z.string(),
  jobUrl: z.string().nullable(),
});
export type AgentRef = z.infer<typeof agentRefSchema>;

/**
 * One entry of a run's log, which the main job follows. `seq` counts from 1 without gaps.
 * A `retried` entry is an attempt that was not the last: one that was lost, or, with a `result`, one in which
 * the task itself failed and that is retried because the run says so (`retries`, `flakiness`).
 * A task has exactly one `ended` entry; its status is
 * - `success` / `failure`: as the accepted attempt reported. A failure is final: the main job never runs the task again.
 *   One with a `reason` (of the entry or its result) is ours to explain, and the explanation is shown with its output,
 * - `skipped`: a dependency failed, or --nxBail,
 * - `cancelled`: the run was cancelled first,
 * - `returned`: no agent could run it; the main job runs it (and, after it, its dependants) itself.
 */
export const runLogEntrySchema = z.discriminatedUnion('type', [
  z.strictObject({
    seq: z.int().min(1),
    type: z.literal('started'),
    taskId: taskIdSchema,
    attempt: z.int().min(1),
    agent: agentRefSchema,
    atMs: z.number(),
  }),
  z.strictObject({
    seq: z.int().min(1),
    type: z.literal('retried'),
    taskId: taskIdSchema,
    attempt: z.int().min(1),
    agent: agentRefSchema,
    reason: reasonSchema,
    /** The task's own failure; absent when the attempt was lost. Its artifact is in the store. */
    result: attemptResultSchema.optional(),
    /** As with `ended`, of an attempt with which no task of its batch has ended. */
    batchLog: batchLogSchema.optional(),
  }),
  z.strictObject({
    seq: z.int().min(1),
    type: z.literal('ended'),
    taskId: taskIdSchema,
    status: z.enum(['success', 'failure', 'skipped', 'cancelled', 'returned']),
    /** The accepted attempt and who ran it; null when none was. */
    attempt: z.int().min(1).nullable(),
    agent: agentRefSchema.nullable(),
    /** Of a task of a batch: its own. */
    result: attemptResultSchema.nullable(),
    reason: reasonSchema.nullable(),
    /** With the first task of a batch: what the process of the batch printed by itself. */
    batchLog: batchLogSchema.optional(),
  }),
]);
export type RunLogEntry = z.infer<typeof runLogEntrySchema>;
export type EndedEntry = Extract<RunLogEntry, { type: 'ended' }>;
export type EndedStatus = EndedEntry['status'];
