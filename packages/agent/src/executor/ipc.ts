import {
  DteError,
  LIMITS,
  assignmentSchema,
  attemptResultSchema,
  closureEntrySchema,
  reasonSchema,
  runIdSchema,
  taskIdSchema,
} from '@org/dte-protocol';
import { z } from 'zod';

/** Names one attempt; everything said about it carries it, so that nothing is taken for the next one's. */
export const attemptRefSchema = z.strictObject({
  runId: runIdSchema,
  taskId: taskIdSchema,
  attempt: z.int().min(1),
});
export type AttemptRef = z.infer<typeof attemptRefSchema>;

/** As a key of a Map. */
export const keyOf = ({ runId, attempt, taskId }: AttemptRef): string => `${runId} ${attempt} ${taskId}`;

export const refOf = ({ runId, attempt, taskId }: AttemptRef): AttemptRef => ({ runId, attempt, taskId });

/** What the supervisor tells an executor. */
export const toExecutorSchema = z.discriminatedUnion('type', [
  /** Where the coordinator is, and the token for it. Before the first `run`, and again whenever it changes. */
  z.strictObject({ type: z.literal('coordinator'), url: z.string(), token: z.string() }),
  z.strictObject({
    type: z.literal('run'),
    /** Its closure is empty: what is not on disk yet is in the two lists below. */
    assignment: assignmentSchema,
    /** Members of the closure that this executor restores, dependencies first. */
    restore: z.array(closureEntrySchema),
    /** Members that another executor of this agent restores at this moment. */
    awaiting: z.array(closureEntrySchema),
    /** File with the RunSpec. */
    specFile: z.string(),
    restoreConcurrency: z.int().min(1),
    /** For messages that a person reads elsewhere. */
    agentName: z.string(),
  }),
  /** An awaited member is on disk, or its restore failed and the awaiting executor has to try itself. */
  z.strictObject({ type: z.literal('elsewhere'), taskId: taskIdSchema, ok: z.boolean() }),
  /** End the attempt and its processes. */
  z.strictObject({ type: z.literal('stop'), ref: attemptRefSchema, graceMs: z.int().min(0) }),
]);
export type ToExecutor = z.infer<typeof toExecutorSchema>;
export type RunMessage = Extract<ToExecutor, { type: 'run' }>;

/** What an executor tells its supervisor. */
export const fromExecutorSchema = z.discriminatedUnion('type', [
  /** The project graph is built. */
  z.strictObject({ type: z.literal('ready') }),
  /** It cannot be built; the process ends. */
  z.strictObject({ type: z.literal('unable'), reason: reasonSchema }),
  z.strictObject({
    type: z.literal('restored'),
    ref: attemptRefSchema,
    taskId: taskIdSchema,
    ok: z.boolean(),
    outputs: z.array(z.string()),
  }),
  /** The task itself begins: its closure is on disk and its hash is the agreed one. */
  z.strictObject({
    type: z.literal('executing'),
    ref: attemptRefSchema,
    startMs: z.number(),
    /** How long the command may run from now on; the executor sees to it unless it hangs. */
    timeoutMs: z.int().min(1).optional(),
  }),
  /** The task's command is over; what remains is to store its result. */
  z.strictObject({ type: z.literal('ran'), ref: attemptRefSchema }),
  /** `offset` in UTF-16 code units; a jump is a gap. */
  z.strictObject({
    type: z.literal('output'),
    ref: attemptRefSchema,
    offset: z.int().min(0),
    data: z.string().max(LIMITS.outputChunkBytes.value),
    last: z.literal(true).optional(),
  }),
  z.strictObject({
    type: z.literal('result'),
    ref: attemptRefSchema,
    result: attemptResultSchema,
    /** Outputs of the task, which may be on disk now. */
    outputs: z.array(z.string()),
  }),
]);
export type FromExecutor = z.infer<typeof fromExecutorSchema>;

/** @throws DteError DTE_INTERNAL: both ends are the same build, so a message that does not fit is a bug */
export function parseIpc<T>(schema: z.ZodType<T>, message: unknown): T {
  const parsed = schema.safeParse(message);
  if (parsed.success) return parsed.data;
  throw new DteError(
    'DTE_INTERNAL',
    `Supervisor and executor misunderstand each other: ${parsed.error.message}`,
    {
      cause: parsed.error,
    },
  );
}
