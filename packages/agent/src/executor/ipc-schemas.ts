import {
  LIMITS,
  assignmentSchema,
  attemptResultSchema,
  closureEntrySchema,
  reasonSchema,
  runIdSchema,
  taskIdSchema,
} from '@org/dte-protocol';
import { z } from 'zod';
import { NOTE_CHARS } from './note-chars';

/** Identifies one attempt. Every message about it contains this, so that none is attributed to the next attempt. */
export const attemptRefSchema = z.strictObject({
  runId: runIdSchema,
  taskId: taskIdSchema,
  attempt: z.int().min(1),
});
export type AttemptRef = z.infer<typeof attemptRefSchema>;

/** A server as its user waits for it: until it is ready, or only until it has started. */
export const serverEdgeSchema = z.strictObject({ taskId: taskIdSchema, untilReady: z.boolean() });

/** A server that an attempt needs, directly or indirectly. */
export const serverNeedSchema = z.strictObject({
  taskId: taskIdSchema,
  /** For two concurrent commands: the same server is shared; with other arguments or variables, it is another server. */
  identity: z.string(),
  /** Servers that it needs itself; they come before it. */
  needs: z.array(serverEdgeSchema),
});
export type ServerNeed = z.infer<typeof serverNeedSchema>;
export type ServerEdge = z.infer<typeof serverEdgeSchema>;

const forwardedSchema = z.record(z.string(), z.string());

/** Messages from the supervisor to an executor. */
export const toExecutorSchema = z.discriminatedUnion('type', [
  /** The coordinator's address, and the token for it. Sent before the first `run`, and again after each change. */
  z.strictObject({ type: z.literal('coordinator'), url: z.string(), token: z.string() }),
  z.strictObject({
    type: z.literal('run'),
    /** Its closure is empty, unless earlier runs have left a part of it on disk: the lists below contain what is not on disk. */
    assignment: assignmentSchema,
    /** Members of the closure that this executor restores, dependencies first. */
    restore: z.array(closureEntrySchema),
    /** Members that another executor of this agent is restoring. */
    awaiting: z.array(closureEntrySchema),
    /** File with the RunSpec. */
    specFile: z.string(),
    /** Where tasks that share outputs take turns; absent: next to the RunSpec, among the executors of this agent. */
    sharedFolder: z.string().optional(),
    /** Values of the variables that the run forwards; never stored. */
    forwarded: forwardedSchema,
    restoreConcurrency: z.int().min(1),
    /** For messages that are shown on another machine. */
    agentName: z.string(),
    /** When the agent received the assignment, in milliseconds since the epoch. */
    receivedMs: z.number(),
    /** No slot is free for it yet: when it is prepared, it sends `prepared` and waits for `go`. */
    waits: z.literal(true).optional(),
  }),
  /** The attempt may run. What other tasks have replaced on disk since it was prepared is restored again, and its hash is checked again. */
  z.strictObject({
    type: z.literal('go'),
    ref: attemptRefSchema,
    restore: z.array(closureEntrySchema),
    awaiting: z.array(closureEntrySchema),
  }),
  /** An awaited member is on disk, or its restore failed and the awaiting executor must try itself. */
  z.strictObject({ type: z.literal('elsewhere'), taskId: taskIdSchema, ok: z.boolean() }),
  /**
   * The result for the servers that an attempt requested. `failed`: one of them failed by its own fault, and the task
   * must not run; `unable`: through no fault of the workspace.
   */
  z.strictObject({
    type: z.literal('served'),
    ref: attemptRefSchema,
    outcome: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('up') }),
      z.strictObject({ kind: z.literal('failed') }),
      z.strictObject({ kind: z.literal('unable'), reason: reasonSchema }),
    ]),
  }),
  /** Run this server until the process is stopped: the executor does nothing else. */
  z.strictObject({
    type: z.literal('serve'),
    ref: attemptRefSchema,
    specFile: z.string(),
    forwarded: forwardedSchema,
  }),
  /** Stop the attempt and its processes. */
  z.strictObject({ type: z.literal('stop'), ref: attemptRefSchema, graceMs: z.int().min(0) }),
]);
export type ToExecutor = z.infer<typeof toExecutorSchema>;
export type Served = Extract<ToExecutor, { type: 'served' }>['outcome'];
export type RunMessage = Extract<ToExecutor, { type: 'run' }>;
export type GoMessage = Extract<ToExecutor, { type: 'go' }>;
export type ServeMessage = Extract<ToExecutor, { type: 'serve' }>;

/** Messages from an executor to its supervisor. */
export const fromExecutorSchema = z.discriminatedUnion('type', [
  /** The project graph is built. */
  /** `graph`: see `TaskHost.storedGraph`. */
  z.strictObject({ type: z.literal('ready'), graph: z.string().nullable() }),
  /** It cannot be built; the process exits. */
  z.strictObject({ type: z.literal('unable'), reason: reasonSchema }),
  /** A line for the log of the agent. */
  z.strictObject({ type: z.literal('note'), line: z.string().max(NOTE_CHARS) }),
  z.strictObject({
    type: z.literal('restored'),
    ref: attemptRefSchema,
    taskId: taskIdSchema,
    ok: z.boolean(),
    outputs: z.array(z.string()),
    /** Other tasks whose outputs in the same place are all there still. */
    kept: z.array(taskIdSchema),
    /** Dependencies of the task: their outputs in the same place are as the task has left them. */
    seen: z.array(taskIdSchema),
  }),
  /** The task itself starts: its closure is on disk and its hash is the agreed one. */
  z.strictObject({
    type: z.literal('executing'),
    ref: attemptRefSchema,
    startMs: z.number(),
    /** Timeout of the command from now on; the executor enforces it unless it hangs. */
    timeoutMs: z.int().min(1).optional(),
  }),
  /** A command with a timeout has ended. */
  z.strictObject({ type: z.literal('ran'), ref: attemptRefSchema }),
  /** The closure is on disk and the hash is the agreed one; answered with `go`. */
  z.strictObject({ type: z.literal('prepared'), ref: attemptRefSchema }),
  /** Nothing of the attempt runs any more, and nothing that another task does to the disk can change what remains to be stored. */
  z.strictObject({
    type: z.literal('freed'),
    ref: attemptRefSchema,
    /** Outputs of the task that may be on disk now; what they replaced is not there any more. */
    outputs: z.array(z.string()),
  }),
  /** The attempt needs these servers to continue; answered with `served`. */
  z.strictObject({
    type: z.literal('needs-servers'),
    ref: attemptRefSchema,
    /** Dependencies first. */
    servers: z.array(serverNeedSchema),
    /** Those that the task itself needs. */
    needs: z.array(serverEdgeSchema),
  }),
  /** What happened to the server that the executor runs. */
  z.strictObject({
    type: z.literal('server'),
    ref: attemptRefSchema,
    state: z.discriminatedUnion('name', [
      z.strictObject({ name: z.literal('started') }),
      z.strictObject({ name: z.literal('ready') }),
      /** It ended, or did not become ready. `failed`: Nx counts it as a failed task. */
      z.strictObject({ name: z.literal('failed'), why: z.string(), failed: z.boolean() }),
      /** It could not be started, through no fault of its own. */
      z.strictObject({ name: z.literal('unable'), reason: reasonSchema }),
    ]),
  }),
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
    /** Outputs of the task that may be on disk now. */
    outputs: z.array(z.string()),
    /** The same for each task of a batch. */
    members: z.array(z.strictObject({ taskId: taskIdSchema, outputs: z.array(z.string()) })).optional(),
  }),
]);
export type FromExecutor = z.infer<typeof fromExecutorSchema>;
export type NeedsServers = Extract<FromExecutor, { type: 'needs-servers' }>;
export type ServerNews = Extract<FromExecutor, { type: 'server' }>['state'];
export type OutputMessage = Extract<FromExecutor, { type: 'output' }>;
export type ResultMessage = Extract<FromExecutor, { type: 'result' }>;
