import { agentInfoSchema, cacheOriginSchema, reasonSchema, runLogEntrySchema } from '@org/dte-protocol';
import { z } from 'zod';

/** Milliseconds since the epoch, by the clock of who wrote the event. */
const atMs = z.number();
const runId = z.string().min(1);
const taskId = z.string().min(1);

/** A task of a command, as far as a report shows it. */
const plannedTaskSchema = z.strictObject({
  id: taskId,
  project: z.string(),
  target: z.string(),
  configuration: z.string().nullable(),
  /** Ids of the tasks of the command that it waits for. */
  dependencies: z.array(z.string()),
  hash: z.string().nullable(),
  cacheable: z.boolean(),
  /** How long it was expected to run, from earlier runs or the option `weights`, in milliseconds; null: unknown. */
  expectedMs: z.number().nullable().default(null),
});
export type PlannedTask = z.infer<typeof plannedTaskSchema>;

/** How a task ended, in the words of Nx where Nx has one. `stopped`: it was cancelled, or the command ended before it ran. */
export const taskStatusSchema = z.enum(['success', 'failure', 'skipped', 'stopped']);
export type TaskStatus = z.infer<typeof taskStatusSchema>;

/** The cache that had a result: that of the machine which was to run the task, or Nx's remote cache, which the session's store is part of. */
export const cacheSourceSchema = z.enum(['local', 'remote']);
export type CacheSource = z.infer<typeof cacheSourceSchema>;

/**
 * Why no cache had the result of a task.
 * - `new`: no earlier run of the task is known
 * - `changed`: at least one input differs from that of the nearest known run
 * - `dependency`: only outputs of tasks it depends on differ
 * - `evicted`: the same hash is known, but no result of it: it is not kept any more, was damaged, or was a failure
 * - `uncached`: its target is not cached, or the command said so
 * - `unknown`: the inputs of earlier runs are not known
 */
export const missSchema = z.strictObject({
  kind: z
    .enum(['new', 'changed', 'dependency', 'evicted', 'uncached', 'unknown'])
    .describe(
      '`new`: no earlier run is known; `changed`: inputs differ; `dependency`: only outputs of its dependencies differ; `evicted`: it ran with the same inputs, but no cache has the result; `uncached`: it is not cached; `unknown`.',
    ),
  text: z.string().describe('One sentence for people.'),
  inputs: z
    .array(z.string())
    .describe('The inputs that differ, for people, the most telling first; not all of them.'),
});
export type Miss = z.infer<typeof missSchema>;

/**
 * One fact about a pipeline. A model is a fold over these events, in the order in which they were written; an event about a
 * run or a task that is not known is ignored, because the file may begin in the middle.
 */
export const reportEventSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('session'),
    atMs,
    sessionId: z.string(),
    /** Links and names of the pipeline for people; null outside GitLab. */
    pipeline: z
      .strictObject({ url: z.string().nullable(), ref: z.string().nullable(), commit: z.string().nullable() })
      .nullable(),
  }),
  z.strictObject({ type: z.literal('agents'), atMs, agents: z.array(agentInfoSchema) }),
  z.strictObject({
    type: z.literal('run'),
    atMs,
    runId,
    command: z.string(),
    parallel: z.int().min(1),
    tasks: z.array(plannedTaskSchema),
  }),
  /** How long tasks are expected to run, in ms, if that became known after the run began. */
  z.strictObject({
    type: z.literal('expected'),
    atMs,
    runId,
    tasks: z.array(z.tuple([taskId, z.number().positive()])),
  }),
  /** An entry of the run's log: an attempt began, was lost or retried, or ended. */
  z.strictObject({ type: z.literal('entry'), atMs, runId, entry: runLogEntrySchema }),
  /** A task of which the main job knows how it ended. `startMs`: null if it never ran. */
  z.strictObject({
    type: z.literal('ended'),
    atMs,
    runId,
    taskId,
    status: taskStatusSchema,
    code: z.int().nullable(),
    from: cacheSourceSchema.nullable(),
    /** True: it ran in the main job. */
    here: z.boolean(),
    startMs: z.number().nullable(),
    endMs: z.number().nullable(),
    /** The end of its terminal output; only for failures, because the rest is in the log. */
    output: z.string().nullable(),
  }),
  z.strictObject({ type: z.literal('miss'), atMs, runId, taskId, miss: missSchema }),
  /** Another pipeline has made the result of a task that did not run. */
  z.strictObject({ type: z.literal('hit'), atMs, runId, taskId, origin: cacheOriginSchema }),
  /** Something that dte told the user. */
  z.strictObject({ type: z.literal('message'), atMs, reason: reasonSchema }),
  /** The command is over; `ok`: everything that was requested succeeded. */
  z.strictObject({ type: z.literal('run.ended'), atMs, runId, ok: z.boolean() }),
]);
export type ReportEvent = z.infer<typeof reportEventSchema>;
