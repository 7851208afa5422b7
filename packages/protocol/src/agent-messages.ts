import { z } from 'zod';
import { runIdSchema, taskIdSchema } from './ids';
import { LIMITS } from './limits';
import { attemptResultSchema, reasonSchema } from './result';
import { artifactSchema } from './task';

/** A task of the dependency closure: its outputs must be on disk before the assigned task starts. Dependencies before dependents. */
export const closureEntrySchema = z.strictObject({
  taskId: taskIdSchema,
  hash: z.string().max(1024).nullable(),
  artifact: artifactSchema,
});
export type ClosureEntry = z.infer<typeof closureEntrySchema>;

/** One task of a batch. */
const batchMemberSchema = z.strictObject({
  taskId: taskIdSchema,
  /** As `hash` of the assignment. */
  hash: z.string().max(1024).nullable(),
});
export type BatchMember = z.infer<typeof batchMemberSchema>;

/** One attempt that an agent is to make. Everything else about the task is in the run's spec, fetched once. */
export const assignmentSchema = z.strictObject({
  runId: runIdSchema,
  taskId: taskIdSchema,
  attempt: z.int().min(1),
  /** The agreed hash; null if it can be computed only after the closure is restored. */
  hash: z.string().max(1024).nullable(),
  /** False: nothing else may run on this agent at the same time. */
  parallelism: z.boolean(),
  /** Send live output of this attempt. */
  streamOutput: z.boolean(),
  closure: z.array(closureEntrySchema),
  /**
   * Present if the task is retried after its own failures: how often it has failed, and how often it may fail and still
   * be retried. After a failure, no cache is read, because it may hold that failure. A failure that may be retried is
   * stored as an archive of the attempt, because a hash has room for only one result.
   */
  retry: z.strictObject({ failed: z.int().min(0), left: z.int().min(0) }).optional(),
  /** An attempt after the first that nevertheless is the first to begin, as far as is known: those before were taken back. */
  unbegun: z.literal(true).optional(),
  /**
   * Set for a batch: all tasks that one process of their executor runs, `taskId` first. They share the attempt number.
   * The closure holds what any of them needs from outside the batch.
   */
  members: z.array(batchMemberSchema).min(1).max(LIMITS.runTasks.value).optional(),
});
export type Assignment = z.infer<typeof assignmentSchema>;

/** What an agent is doing with one assignment. `completed` is repeated until the coordinator no longer wants it. */
const workSchema = z.strictObject({
  runId: runIdSchema,
  taskId: taskIdSchema,
  attempt: z.int().min(1),
  phase: z.discriminatedUnion('name', [
    z.strictObject({ name: z.literal('preparing') }),
    z.strictObject({ name: z.literal('executing'), startMs: z.number() }),
    z.strictObject({ name: z.literal('completed'), result: attemptResultSchema }),
  ]),
});
export type Work = z.infer<typeof workSchema>;

/**
 * The whole state of an agent, sent on every change and as the heartbeat. Syncs are level-triggered and idempotent: any
 * of them may be lost or duplicated. If the coordinator wants an attempt that a later sync does not list, the agent
 * either never received it, or finished it and got the acknowledgement. The next `agent.wanted` repairs both.
 */
export const agentSyncSchema = z.strictObject({
  type: z.literal('agent.sync'),
  /** Increases within a connection; echoed in the answer. */
  seq: z.int().min(0),
  slots: z.int().min(1).max(LIMITS.slotsPerAgent.value).nullable(),
  /** True: the agent finishes or returns its attempts and accepts no new ones. */
  draining: z.boolean(),
  work: z.array(workSchema).max(LIMITS.slotsPerAgent.value * 2),
});
export type AgentSync = z.infer<typeof agentSyncSchema>;

/** A piece of live terminal output. Best effort: the artifact contains the complete output. */
export const agentOutputSchema = z.strictObject({
  type: z.literal('agent.output'),
  runId: runIdSchema,
  taskId: taskIdSchema,
  attempt: z.int().min(1),
  /** In UTF-16 code units from the start of the attempt's output. */
  offset: z.int().min(0),
  data: z.string().max(LIMITS.outputChunkBytes.value),
  /** The last piece. Together with all earlier pieces, it is everything that the task printed while it ran. */
  last: z.literal(true).optional(),
});
export type AgentOutput = z.infer<typeof agentOutputSchema>;

const aheadSchema = z.strictObject({
  runId: runIdSchema,
  taskId: taskIdSchema,
  attempt: z.int().min(1),
  /** The agent returns it with DTE_RECALLED, unless it has begun to run it. */
  recalled: z.literal(true).optional(),
});

/**
 * Everything that a coordinator wants from an agent, complete in each message. The agent starts attempts that are
 * listed and not running, stops attempts that run and are not listed, and forgets results that are no longer listed.
 */
export const agentWantedSchema = z.strictObject({
  type: z.literal('agent.wanted'),
  /** seq of the sync that this answers; 0 if it is not an answer. */
  seq: z.int().min(0),
  assignments: z.array(assignmentSchema),
  /**
   * Those of the assignments that wait for a slot; omitted: none. The agent prepares them. Each may run as soon as the command of
   * one that takes a slot has ended: at no time run more commands than there are assignments with a slot.
   */
  ahead: z.array(aheadSchema).optional(),
  /** Number of slots that the agent should use: its own --slots, else the runs' --parallel; null while there is no run. */
  slots: z.int().min(1).nullable(),
  /** Set if the agent should leave (exit code 0) as soon as nothing is listed. */
  stop: reasonSchema.nullable(),
});
export type AgentWanted = z.infer<typeof agentWantedSchema>;
