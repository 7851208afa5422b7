import { z } from 'zod';
import { hashSchema, labelSchema, runIdSchema, taskIdSchema } from './ids';
import { LIMITS } from './limits';

/**
 * What a task's outputs were on the disk of whoever made them: a digest over paths, kinds, sizes, targets of links and the
 * executable bit. Whoever restores them holds against it what has arrived.
 */
const outputSummarySchema = z.strictObject({
  /** SHA-256 in hex. */
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  /** Files, links and empty folders. */
  entries: z.int().min(0),
  bytes: z.int().min(0),
});

/**
 * Where the outputs and the terminal output of a finished task are.
 * - `cache`: under its hash, in Nx's own format, in the store that Nx's remote cache contract reaches.
 * - `attempt`: in the second namespace, keyed by run, task and attempt, as dte's own tar (tasks Nx does not
 *   cache, failed tasks, and everything when the organisation uses a remote cache of its own).
 *   Attempt 0 is what the main job itself supplied.
 * - `none`: there is nothing to restore (`nx:noop`).
 *
 * `outputs` is omitted if nobody has seen them on a disk and what is stored: a hit of the coordinator's cache.
 */
export const artifactSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('cache'),
    hash: hashSchema,
    outputs: outputSummarySchema.optional(),
  }),
  z.strictObject({
    kind: z.literal('attempt'),
    attempt: z.int().min(0),
    outputs: outputSummarySchema.optional(),
  }),
  z.strictObject({ kind: z.literal('none') }),
]);
export type Artifact = z.infer<typeof artifactSchema>;

/** An edge of Nx's task graph; Nx 24 adds `waitFor` and `inputs`, which only Nx reads. */
const edgeSchema = z.looseObject({ id: taskIdSchema });
export type TaskEdge = z.infer<typeof edgeSchema>;

/**
 * A task as Nx describes it. Only what we rely on is checked; the rest is carried to Nx on the agent as it is.
 * `overrides.__overrides_unparsed__` must be present (an empty list is enough), Nx reads it without asking.
 */
const nxTaskSchema = z.looseObject({
  id: taskIdSchema,
  target: z.looseObject({
    project: z.string().min(1),
    target: z.string().min(1),
    configuration: z.string().optional(),
  }),
  overrides: z.record(z.string(), z.unknown()),
  outputs: z.array(z.string()),
});
export type NxTaskJson = z.infer<typeof nxTaskSchema>;

/**
 * How a task of a run begins: to be run, already done on the main job, nothing to do, or a server (Nx's `continuous`), which
 * is never given to an agent by itself: each agent that runs a task which needs it starts one of its own.
 */
const taskInitialSchema = z.discriminatedUnion('state', [
  z.strictObject({ state: z.literal('pending') }),
  z.strictObject({ state: z.literal('done'), artifact: artifactSchema }),
  z.strictObject({ state: z.literal('noop') }),
  z.strictObject({ state: z.literal('server') }),
]);

/** One task of a run. */
const taskSpecSchema = z.strictObject({
  id: taskIdSchema,
  nxTask: nxTaskSchema,
  /** Hash computed by the main job; null when it depends on outputs that do not exist yet. */
  hash: z.string().max(1024).nullable(),
  /** May Nx read and write its cache for this task in this run (cache:true and not --skip-nx-cache)? */
  cacheable: z.boolean(),
  /** False: alone on its machine (Nx's `parallelism: false`). */
  parallelism: z.boolean(),
  /**
   * The main job will not take the outputs: when the task is cached, store what it prints apart from them
   * (`HTTP.terminal`), so that it can be shown without a download.
   */
  terminalApart: z.boolean().optional(),
  dependencies: z.array(edgeSchema),
  /** Servers that must run while the task does. */
  continuousDependencies: z.array(edgeSchema),
  /**
   * The batch it belongs to, named by its executor: one process of the executor runs all tasks of a batch that are
   * `pending`, so they are one piece of work, for one slot of one agent. Batches must not wait for each other in a cycle.
   */
  batch: z.string().min(1).max(1024).optional(),
  /** Estimated duration in any unit, the same for all tasks of a run; 1 when unknown. */
  weight: z.number().positive(),
  /** Milliseconds its command may run on an agent; then it has failed. Omitted: no limit. */
  timeoutMs: z.int().min(1).optional(),
  initial: taskInitialSchema,
  /** How often the task is run once more after it failed by itself; absent: never. */
  retries: z.int().min(0).max(LIMITS.retriesPerTask.value).optional(),
  /**
   * Whether its attempts are evidence of flakiness: a success and a failure of one hash. `retry`: and once it is known to
   * be flaky it is run once more after a failure, even without `retries`. Absent: its hash does not say all that it
   * depends on (`cache: false`).
   */
  flakiness: z.enum(['watch', 'retry']).optional(),
  /** Index into the run's `placements`; omitted: any agent. */
  placement: z.int().min(0).optional(),
});
export type TaskSpec = z.infer<typeof taskSpecSchema>;

/** Agents that an assignment rule sends its tasks to: those with this label. */
const runOnSchema = z.strictObject({
  label: labelSchema(128),
  /** A task of the rule starts there only while fewer tasks than this run; null: as many as of any other task. */
  parallelism: z.int().min(1).max(LIMITS.slotsPerAgent.value).nullable(),
});
export type RunOn = z.infer<typeof runOnSchema>;

/** Where the tasks of one assignment rule may run. An agent belongs to the first entry whose label it has. */
const placementSchema = z.strictObject({
  /** The rule as people find it: `.nx/dte.yaml:4 (targets e2e-ci*)`. */
  rule: labelSchema(1024),
  runOn: z.array(runOnSchema).min(1).max(LIMITS.runOnEntries.value),
});
export type Placement = z.infer<typeof placementSchema>;
/**
 * What happens to a task that has another hash on its agent than on the main job.
 * - `fail`: it fails at once, not run.
 * - `run-on-main`: the main job runs it.
 * - `warn`: the agent runs it, and stores it under the hash it has there.
 */
export const onHashMismatchSchema = z.enum(['fail', 'run-on-main', 'warn']);
export type OnHashMismatch = z.infer<typeof onHashMismatchSchema>;

/** One nx command of a main job. */
export const runSpecSchema = z.strictObject({
  runId: runIdSchema,
  /** For display: `nx affected -t lint,test,build`. */
  command: labelSchema(4096),
  /** Targets named on the command line; `--stop-agents-after` looks at these. */
  requestedTargets: z.array(z.string().min(1)).max(1000),
  /** The command's --parallel: tasks at a time on each agent that has no --slots of its own. */
  parallel: z.int().min(1).max(LIMITS.slotsPerAgent.value),
  /** --nxBail: after the first failure nothing new is started. */
  nxBail: z.boolean(),
  skipNxCache: z.boolean(),
  verbose: z.boolean(),
  /** The main job prints output while tasks run: relay it. */
  streamOutput: z.boolean(),
  /** Variables that executors set for the tasks of this run (NX_* switches of the command). Never a secret: it is kept on disk. */
  env: z.record(z.string().min(1), z.string()),
  /** Names of variables whose values executors ask for (`HTTP.runEnv`); omitted: none. */
  forwardedEnv: z.array(z.string().min(1)).max(LIMITS.forwardedNames.value).optional(),
  /** Omitted: `fail`. */
  onHashMismatch: onHashMismatchSchema.optional(),
  tasks: z.array(taskSpecSchema).max(LIMITS.runTasks.value),
  /** Assignment rules that tasks of this run name. */
  placements: z.array(placementSchema).max(LIMITS.rulesPerRun.value).optional(),
  /** How long a placement waits for an agent that it fits while others are there; omitted: limit agentWaitMs. */
  placementWaitMs: z.int().min(1).optional(),
});
export type RunSpec = z.infer<typeof runSpecSchema>;
