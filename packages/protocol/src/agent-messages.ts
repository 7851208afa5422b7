import { z } from 'zod';
import { runIdSchema, taskIdSchema } from './ids';
import { LIMITS } from './limits';
import { attemptResultSchema, reasonSchema } from './result';
import { artifactSchema } from './task';

/** A task of the dependency closure whose outputs must be on disk first; dependencies before dependants. */
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

/** One attempt an agent is wanted to make. Everything else about the task is in the run's spec, fetched once. */
export const assignmentSchema = z.strictObject({
  runId: runIdSchema,
  taskId: taskIdSchema,
  attempt: z.int().min(1),
  /** Agreed hash, null when it can only be computed once the closure is restored. */
  hash: z.string().max(1024).nullable(),
  /** False: nothing else may run on this agent meanwhile. */
  parallelism: z.boolean(),
  /** Send live output of this attempt. */
  streamOutput: z.boolean(),
  closure: z.array(closureEntrySchema),
  /**
   * Present when the task is run again after its own failures: how often it failed (then no cache is asked for it, a
   * cached failure among them) and how often it may fail and still be run again (then its failure is stored as an
   * archive of the attempt: under its hash there is room for one result).
   */
  retry: z.strictObject({ failed: z.int().min(0), left: z.int().min(0) }).optional(),
  /**
   * Set for a batch: all tasks to run in one process of their executor, `taskId` first. The attempt is the one of each
   * of them, the closure what any of them needs from outside.
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
 * The whole state of an agent: sent on every change and as the heartbeat. Level-triggered: any may be lost or
 * doubled. An attempt that the coordinator wants and a later sync does not list was never received, or is finished
 * and was acknowledged; both are repaired by the next `agent.wanted`.
 */
export const agentSyncSchema = z.strictObject({
  type: z.literal('agent.sync'),
  /** Counts up within a connection; echoed. */
  seq: z.int().min(0),
  slots: z.int().min(1).max(LIMITS.slotsPerAgent.value).nullable(),
  /** True: finish or return, take nothing new. */
  draining: z.boolean(),
  work: z.array(workSchema).max(LIMITS.slotsPerAgent.value * 2),
});
export type AgentSync = z.infer<typeof agentSyncSchema>;

/** A piece of live terminal output. Best effort: what is lost is found in the artifact. */
export const agentOutputSchema = z.strictObject({
  type: z.literal('agent.output'),
  runId: runIdSchema,
  taskId: taskIdSchema,
  attempt: z.int().min(1),
  /** In UTF-16 code units from the start of the attempt's output. */
  offset: z.int().min(0),
  data: z.string().max(LIMITS.outputChunkBytes.value),
  /** Nothing follows: with all pieces before it, this is what the task printed while it ran. */
  last: z.literal(true).optional(),
});
export type AgentOutput = z.infer<typeof agentOutputSchema>;

/**
 * Everything a coordinator wants of an agent, complete each time: start what is listed and not running, stop what
 * runs and is not listed, forget results that are no longer listed.
 */
export const agentWantedSchema = z.strictObject({
  type: z.literal('agent.wanted'),
  /** seq of the sync this answers; 0 when unasked. */
  seq: z.int().min(0),
  assignments: z.array(assignmentSchema),
  /** Slots the agent should serve: its own --slots, else the runs' --parallel; null while no run is known. */
  slots: z.int().min(1).nullable(),
  /** Set when the agent should leave (exit code 0) once nothing is listed. */
  stop: reasonSchema.nullable(),
});
export type AgentWanted = z.infer<typeof agentWantedSchema>;
