import { z } from 'zod';
import { ERROR_CODE_LIST } from './errors';
import { taskIdSchema } from './ids';
import { LIMITS } from './limits';
import { artifactSchema } from './task';

/** A problem: a code of the closed list and a sentence for people. */
export const reasonSchema = z.strictObject({
  code: z.enum(ERROR_CODE_LIST),
  message: z.string().max(LIMITS.reasonChars.value),
});
export type Reason = z.infer<typeof reasonSchema>;

/** An agent's report about one of its servers that an attempt needed. */
const serverReportSchema = z.strictObject({
  taskId: taskIdSchema,
  /** Nx counts it as failed: it ended while it was needed, or was not ready in time. Never on Nx 21, which does not count it. */
  failed: z.boolean(),
  /** How it ended while it was needed, in a sentence; null while it runs. */
  ended: z.string().max(4096).nullable(),
  /** Its output since this agent's last report; if it is too long, the end of it. */
  output: z.string().max(LIMITS.serverOutputChars.value),
});
export type ServerReport = z.infer<typeof serverReportSchema>;
/** An agent's information about a hash that differs from the main job's, so that the main job can name the difference. */
const driftSchema = z.strictObject({
  /** The main job's hash. */
  agreed: z.string().max(1024),
  /**
   * The differences of its checkout from the commit: path -> digest of the content, or a word; with a leading `+` if
   * the commit does not have the file. Null without git.
   */
  checkout: z
    .strictObject({
      changes: z.record(z.string().max(4096), z.string().max(64)),
      /** False: there are more changes than listed. */
      complete: z.boolean(),
    })
    .nullable(),
  /** Runtime inputs: command -> the beginning of its output. */
  runtime: z.record(z.string().max(4096), z.string().max(256)),
  /** Environment inputs: is the variable set? Values are never sent, because any of them may be a secret. */
  env: z.record(z.string().max(1024), z.boolean()),
});
export type Drift = z.infer<typeof driftSchema>;

const amount = z.number().min(0);

/**
 * What an attempt took, as its agent measured it: milliseconds and bytes. The phases follow one another without a gap:
 * `queued`, `restore`, `wait`, `run`, `store`. A phase that did not take place is 0.
 *
 * Of a batch, only the phases of running and storing are known for each task; queueing, restoring and waiting are those of
 * the whole batch and stand with its first task (0 with the others), and its processor time and memory belong to no task
 * (null).
 */
export const measuredSchema = z.strictObject({
  queuedMs: amount.describe(
    'From the arrival of the assignment until an executor began it, and, for a task that was prepared before a slot was free, until it had one.',
  ),
  restoreMs: amount.describe(
    'Restoring the outputs it depends on, the restores of other slots that it waited for included.',
  ),
  waitMs: amount
    .optional()
    .describe(
      'Between restoring and running: checking the hash, waiting for servers and for tasks that write the same outputs.',
    ),
  runMs: amount.describe('Nx runs it, or finds it in a cache.'),
  storeMs: amount.describe('Packing and uploading its artifact.'),
  cpuMs: amount
    .nullable()
    .describe(
      'Processor time while Nx ran it, of its processes and of the executor; null where the system does not tell, and for a cache hit.',
    ),
  peakMemoryBytes: amount
    .nullable()
    .describe(
      'The most memory of its processes that was seen at a time, and what the executor grew by; null as above.',
    ),
  restoredBytes: amount.describe(
    'Bytes of the archives that were downloaded for it; outputs that were on this machine already cost none.',
  ),
  storedBytes: amount.describe(
    'Bytes of the outputs that were stored, before they were packed: Nx packs and uploads them itself and does not tell more. 0 if the store had them, or if they were not listed because other tasks write to the same places.',
  ),
  batched: z
    .literal(true)
    .optional()
    .describe(
      'It was a task of a batch: others ran in the same process, and their results were reported together.',
    ),
});
export type Measured = z.infer<typeof measuredSchema>;

/** A task ran (or was a cache hit) and its artifact is stored. */
const finishedAttemptSchema = z.strictObject({
  kind: z.literal('finished'),
  status: z.enum(['success', 'failure']),
  /** Exit code, by Nx's convention: 0 exactly for success. */
  code: z.int(),
  /** Set if nothing ran on the agent because a cache had the result. */
  fromCache: z.enum(['local-cache', 'remote-cache']).nullable(),
  /** The hash that the agent computed. */
  hash: z.string().max(1024).nullable(),
  artifact: artifactSchema,
  /** Agent's clock, milliseconds since the epoch. */
  startMs: z.number(),
  endMs: z.number(),
  /** Set if dte caused the failure and must explain it (DTE_HASH_MISMATCH, ...). */
  reason: reasonSchema.nullable(),
  /** Input name -> hash on the agent, sent with `drift` so that the main job can name the difference. */
  hashDetails: z.record(z.string(), z.string()).nullable(),
  /** The servers that the attempt needed, directly or indirectly. */
  servers: z.array(serverReportSchema).optional(),
  /** Set if the agent's hash differs from the main job's: with the failure DTE_HASH_MISMATCH, or (`warn`) if the task ran. */
  drift: driftSchema.optional(),
  /** Absent for a task that did not get as far as running. */
  measured: measuredSchema.optional(),
});
export type FinishedAttempt = z.infer<typeof finishedAttemptSchema>;

/**
 * Output of the batch process that belongs to no task; each task's own output is in its artifact. If it is too long,
 * the end of it.
 */
const batchLogSchema = z.string().max(LIMITS.outputChunkBytes.value);

/**
 * The outcome of one attempt, as its agent reports it.
 * - `finished`: the task ran (or was a cache hit) and its artifact is stored.
 * - `batch`: each task of a batch; null for a task that its executor skipped because another task of the batch failed.
 * - `returned`: the attempt was lost through no fault of the task; it may be retried elsewhere.
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
 * One entry of a run's log, which the main job follows. `seq` counts from 1 without gaps. A `retried` entry is an
 * attempt that was not the last: either it was lost, or (with a `result`) the task itself failed and is retried because
 * the run allows it (`retries`, `flakiness`), or another attempt of the task at the same time had the first result
 * (DTE_SECOND_START).
 * A task has exactly one `ended` entry. Its status is one of these:
 * - `success` / `failure`: as the accepted attempt reported. A failure is final: the main job never runs the task
 *   again. If there is a `reason` (in the entry or its result), dte caused the failure; the reason is shown with the
 *   output.
 * - `skipped`: a dependency failed, or --nxBail.
 * - `cancelled`: the run was cancelled first.
 * - `returned`: no agent could run the task; the main job runs it (and then its dependents) itself.
 */
export const runLogEntrySchema = z.discriminatedUnion('type', [
  z.strictObject({
    seq: z.int().min(1),
    type: z.literal('started'),
    taskId: taskIdSchema,
    attempt: z.int().min(1),
    agent: agentRefSchema,
    /** When its agent reported that it had begun. */
    atMs: z.number(),
    /** When it was assigned to its agent. Both by the coordinator's clock, in milliseconds since the epoch. */
    assignedMs: z.number().optional(),
    /** It was assigned while an earlier attempt of the task ran for longer than usual (`secondStart`). */
    second: z.literal(true).optional(),
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
    /** As in `ended`, for an attempt that ended no task of its batch. */
    batchLog: batchLogSchema.optional(),
    /** When the coordinator accepted the result, or gave the attempt up, by its clock. */
    atMs: z.number().optional(),
  }),
  z.strictObject({
    seq: z.int().min(1),
    type: z.literal('ended'),
    taskId: taskIdSchema,
    status: z.enum(['success', 'failure', 'skipped', 'cancelled', 'returned']),
    /** The accepted attempt and its agent; null if no attempt was accepted. */
    attempt: z.int().min(1).nullable(),
    agent: agentRefSchema.nullable(),
    /** The task's own attempt if it is part of a batch. */
    result: attemptResultSchema.nullable(),
    reason: reasonSchema.nullable(),
    /** With the first task of a batch: output of the batch process that belongs to no task. */
    batchLog: batchLogSchema.optional(),
    /** When the coordinator decided it, by its clock. */
    atMs: z.number().optional(),
  }),
]);
export type RunLogEntry = z.infer<typeof runLogEntrySchema>;
export type EndedEntry = Extract<RunLogEntry, { type: 'ended' }>;
export type EndedStatus = EndedEntry['status'];
