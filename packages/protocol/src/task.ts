import { z } from 'zod';
import { hashSchema, labelSchema, runIdSchema, taskIdSchema } from './ids';
import { LIMITS } from './limits';

/**
 * A task's outputs as they were on the disk where they were created or restored: a digest of paths, kinds, sizes, link
 * targets and executable bits. A reader that restores the outputs compares them with it.
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
 * - `cache`: under its hash, in Nx's own format, in the store behind Nx's remote cache contract.
 * - `attempt`: in the second namespace, keyed by run, task and attempt, as dte's own tar (tasks that Nx does not cache,
 *   failed tasks, and everything if the organisation has its own remote cache). Attempt 0 is what the main job itself
 *   uploaded.
 * - `none`: there is nothing to restore (`nx:noop`).
 * `outputs` is omitted if nobody has compared the stored artifact with a disk: a hit of the coordinator's cache.
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

const isWithin = (value: unknown, levels: number): boolean =>
  typeof value !== 'object' ||
  value === null ||
  (levels > 0 && Object.values(value).every((member) => isWithin(member, levels - 1)));

/**
 * For values that only Nx reads. `JSON.parse` takes thousands of brackets, but `JSON.stringify` and the channel to an executor
 * overflow the stack with them, in the process of the agent that hands the task on.
 */
const isShallow = (value: unknown): boolean => isWithin(value, LIMITS.nestingLevels.value);
const TOO_DEEP = `must not be nested deeper than ${LIMITS.nestingLevels.value} levels`;

/** An edge of Nx's task graph; Nx 24 adds `waitFor` and `inputs`, which only Nx reads. */
const edgeSchema = z.looseObject({ id: taskIdSchema }).refine(isShallow, TOO_DEEP);
export type TaskEdge = z.infer<typeof edgeSchema>;

/**
 * A task as Nx describes it. Only the fields that we rely on are checked; the rest is passed to Nx on the agent
 * unchanged. `overrides.__overrides_unparsed__` is required (an empty list is enough), because Nx reads it without a
 * check.
 */
const nxTaskSchema = z
  .looseObject({
    id: taskIdSchema,
    target: z.looseObject({
      project: z.string().min(1),
      target: z.string().min(1),
      configuration: z.string().optional(),
    }),
    overrides: z.record(z.string(), z.unknown()),
    outputs: z.array(z.string()),
  })
  .refine(isShallow, TOO_DEEP);
export type NxTaskJson = z.infer<typeof nxTaskSchema>;

/**
 * The initial state of a task: to be run, already done on the main job, nothing to do, or a server (Nx's `continuous`).
 * A server is never assigned to an agent: each agent that runs a task which needs it starts its own.
 */
const taskInitialSchema = z.discriminatedUnion('state', [
  z.strictObject({ state: z.literal('pending') }),
  z.strictObject({ state: z.literal('done'), artifact: artifactSchema }),
  z.strictObject({ state: z.literal('noop') }),
  z.strictObject({ state: z.literal('server') }),
]);

export const sharingSchema = z.enum(['this-pipeline', 'never']);
export type Sharing = z.infer<typeof sharingSchema>;

/** One task of a run. */
const taskSpecSchema = z.strictObject({
  id: taskIdSchema,
  nxTask: nxTaskSchema,
  /** The hash that the main job computed; null if it depends on outputs that do not exist yet. */
  hash: z.string().max(1024).nullable(),
  /** May Nx read and write its cache for this task in this run (cache:true and no --skip-nx-cache)? */
  cacheable: z.boolean(),
  /** False: runs alone on its machine (Nx's `parallelism: false`). */
  parallelism: z.boolean(),
  /**
   * The main job will not download the outputs. If the task is cached, its terminal output is stored separately
   * (`HTTP.terminal`), so that it can be shown without a download.
   */
  terminalApart: z.boolean().optional(),
  /**
   * What the shared cache may do for this task (option `cacheTrust`). `this-pipeline`: no result of another pipeline is used.
   * `never`: nor is this result stored for others. Default: both.
   */
  sharing: sharingSchema.optional(),
  dependencies: z.array(edgeSchema),
  /** Servers that must run while the task does. */
  continuousDependencies: z.array(edgeSchema),
  /**
   * The batch of the task, named by its executor. One executor process runs all `pending` tasks of a batch, so they
   * take one slot of one agent together. Batches must not wait for each other in a cycle.
   */
  batch: z.string().min(1).max(1024).optional(),
  /**
   * Expected duration in ms, as far as the main job knows: a typical value of its target, unless `weightFrom` says more. The
   * coordinator prefers what it has learnt (`durations` of the history) to a typical value.
   */
  weight: z.number().positive(),
  /** Where `weight` comes from. `option`: the option `weights`, which is preferred to everything learnt; `nx`: Nx's own task history. */
  weightFrom: z.enum(['option', 'nx']).optional(),
  /** Timeout of its command on an agent, in milliseconds; after that, the task has failed. Omitted: no limit. */
  timeoutMs: z.int().min(1).optional(),
  initial: taskInitialSchema,
  /** How often the task is retried after its own failure; absent: never. */
  retries: z.int().min(0).max(LIMITS.retriesPerTask.value).optional(),
  /**
   * Whether its attempts are evidence of flakiness: a success and a failure with the same hash. `retry`: if the task is
   * known to be flaky, it is also retried once without `retries`. Absent: its hash does not cover everything that it
   * depends on (`cache: false`).
   */
  flakiness: z.enum(['watch', 'retry']).optional(),
  /**
   * If it runs for longer than usual while agents are idle, it may be started a second time on another agent; the first result counts.
   * Absent: never. Only for tasks that Nx caches.
   */
  secondStart: z.literal(true).optional(),
  /** Index into the run's `placements`; omitted: any agent. */
  placement: z.int().min(0).optional(),
});
export type TaskSpec = z.infer<typeof taskSpecSchema>;

/** Agents to which an assignment rule sends its tasks: those with this label. */
const runOnSchema = z.strictObject({
  label: labelSchema(128),
  /** A task of the rule starts there only while fewer tasks than this run; null: as many as for any other task. */
  parallelism: z.int().min(1).max(LIMITS.slotsPerAgent.value).nullable(),
});
export type RunOn = z.infer<typeof runOnSchema>;

/** Where the tasks of one assignment rule may run. For an agent, the first entry whose label it has applies. */
const placementSchema = z.strictObject({
  /** The rule and its location, for people: `.nx/dte.yaml:4 (targets e2e-ci*)`. */
  rule: labelSchema(1024),
  runOn: z.array(runOnSchema).min(1).max(LIMITS.runOnEntries.value),
});
export type Placement = z.infer<typeof placementSchema>;
/**
 * What happens to a task whose hash on its agent differs from the main job's.
 * - `fail`: it fails immediately and does not run.
 * - `run-on-main`: the main job runs it.
 * - `warn`: the agent runs it, and stores it under the agent's hash.
 */
export const onHashMismatchSchema = z.enum(['fail', 'run-on-main', 'warn']);
export type OnHashMismatch = z.infer<typeof onHashMismatchSchema>;

/** One nx command of a main job. */
export const runSpecSchema = z.strictObject({
  runId: runIdSchema,
  /** For display: `nx affected -t lint,test,build`. */
  command: labelSchema(4096),
  /** Targets named on the command line; `--stop-agents-after` compares with these. */
  requestedTargets: z.array(z.string().min(1)).max(1000),
  /** The command's --parallel: tasks at a time on each agent that has no --slots of its own. */
  parallel: z.int().min(1).max(LIMITS.slotsPerAgent.value),
  /** --nxBail: after the first failure, nothing new starts. */
  nxBail: z.boolean(),
  skipNxCache: z.boolean(),
  verbose: z.boolean(),
  /** The main job prints output while tasks run: relay it. */
  streamOutput: z.boolean(),
  /** Variables that executors set for the tasks of this run (NX_* switches of the command). Stored, so never secrets. */
  env: z.record(z.string().min(1), z.string()),
  /** Names of variables whose values executors request (`HTTP.runEnv`); omitted: none. */
  forwardedEnv: z.array(z.string().min(1)).max(LIMITS.forwardedNames.value).optional(),
  /** Omitted: `fail`. */
  onHashMismatch: onHashMismatchSchema.optional(),
  tasks: z.array(taskSpecSchema).max(LIMITS.runTasks.value),
  /** Assignment rules that the tasks of this run refer to. */
  placements: z.array(placementSchema).max(LIMITS.rulesPerRun.value).optional(),
  /** How long a placement waits for a matching agent while there are other agents; omitted: limit agentWaitMs. */
  placementWaitMs: z.int().min(1).optional(),
});
export type RunSpec = z.infer<typeof runSpecSchema>;
