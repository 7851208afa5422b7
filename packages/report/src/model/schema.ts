import { cacheOriginSchema, measuredSchema, reasonSchema } from '@org/dte-protocol';
import { z } from 'zod';
import { runAccuracySchema } from './accuracy';
import { cacheSourceSchema, missSchema, taskStatusSchema } from './event';
import { MODEL_VERSION, type SessionModel, type TaskModel } from './model';

const timeMs = z.number().describe('Milliseconds since the epoch.');

const attemptSchema = z.strictObject({
  number: z.int().min(0).describe('Counts from 1; 0 in the main job.'),
  agent: z.int().min(0).nullable().describe('Index into `agents`; null: the main job.'),
  assignedMs: timeMs.describe('When the coordinator assigned it to its agent.'),
  startMs: timeMs.nullable().describe('Null until it ends, and for a lost attempt.'),
  endMs: timeMs.nullable(),
  outcome: z
    .enum(['running', 'success', 'failure', 'lost', 'stopped'])
    .describe('`lost`: no fault of the task; `running`: until the end is known.'),
  second: z
    .literal(true)
    .optional()
    .describe(
      'It began while an earlier attempt ran for longer than usual; the first result of the two counts.',
    ),
  code: z.int().nullable().describe('Exit code.'),
  reason: reasonSchema.nullable(),
  measured: measuredSchema
    .nullable()
    .describe(
      'What it took, in milliseconds and bytes; null if its agent measured nothing, and in the main job.',
    ),
  acceptedMs: timeMs
    .nullable()
    .default(null)
    .describe('When the coordinator accepted its result; null: unknown.'),
  reportMs: z
    .number()
    .nullable()
    .default(null)
    .describe('From the end of the attempt on its agent until then; null: unknown.'),
});

/** A task of it. */
export const taskModelSchema: z.ZodType<TaskModel> = z.strictObject({
  id: z.string(),
  project: z.string(),
  target: z.string(),
  configuration: z.string().nullable(),
  dependencies: z.array(z.int().min(0)).describe("Indexes into the run's `tasks`."),
  hash: z.string().nullable(),
  cacheable: z.boolean(),
  status: z
    .enum([...taskStatusSchema.options, 'waiting', 'running'])
    .describe('`waiting` and `running` until it has ended.'),
  code: z.int().nullable().describe('Exit code.'),
  from: cacheSourceSchema.nullable().describe('The cache that had the result; null: it ran.'),
  origin: cacheOriginSchema
    .nullable()
    .describe('Which other pipeline has made the result; null: none, it ran, or it is not known.'),
  miss: missSchema.nullable().describe('Why it had to run; null: it did not, or nobody asked.'),
  expectedMs: z
    .number()
    .nullable()
    .describe(
      'How long it was expected to run, from earlier runs or the option `weights`, in milliseconds; null: unknown.',
    ),
  flaky: z.boolean().describe('It succeeded after a failure with the same inputs.'),
  attempts: z.array(attemptSchema).describe('The one that counts is the last.'),
  doneMs: timeMs.nullable().describe('When its results were complete on the main job; null until then.'),
  output: z.string().nullable().describe('The end of its terminal output; null unless it failed.'),
  reason: reasonSchema.nullable(),
});

const runSchema = z.strictObject({
  runId: z.string(),
  command: z.string(),
  parallel: z.int().min(1),
  startMs: timeMs,
  endMs: timeMs.nullable().describe('Null while it runs, or if the main job was stopped.'),
  ok: z.boolean().nullable().describe('Everything that was requested succeeded; null as above.'),
  tasks: z.array(taskModelSchema),
  accuracy: runAccuracySchema
    .nullable()
    .optional()
    .describe(
      'How well durations were known before; in the JSON of a report, not in that of a running session. Null: there is nothing to compare.',
    ),
});

const agentSchema = z.strictObject({
  agentId: z.string(),
  name: z.string(),
  jobUrl: z.string().nullable(),
  slots: z.int().min(1).nullable(),
  joinedMs: timeMs,
  leftMs: timeMs.nullable().describe('When it was last seen connected; null: it still is.'),
});

/** The schema of the model's JSON; docs/reference/report-model.schema.json is generated from it. */
export const sessionModelSchema: z.ZodType<SessionModel> = z
  .strictObject({
    version: z.literal(MODEL_VERSION).describe('A field that is only added does not change it.'),
    sessionId: z.string(),
    pipeline: z
      .strictObject({ url: z.string().nullable(), ref: z.string().nullable(), commit: z.string().nullable() })
      .nullable()
      .describe('Null outside GitLab.'),
    agents: z.array(agentSchema),
    runs: z.array(runSchema),
    messages: z
      .array(z.strictObject({ atMs: timeMs, reason: reasonSchema }))
      .describe('What dte told the user.'),
  })
  .describe('What a pipeline did, as far as the events tell.');

/** The same as JSON Schema, for programs in other languages. */
export const modelJsonSchema = (): object => ({
  ...z.toJSONSchema(sessionModelSchema, { io: 'input' }),
  title: 'Report of @org/dte',
});
