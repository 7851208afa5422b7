import {
  type Assignment,
  type BatchMember,
  type BatchResult,
  type FinishedAttempt,
  type TaskSpec,
  DteError,
  LIMITS,
} from '@org/dte-protocol';
import { type BatchRun, type NxTask, type TaskGraph, type TaskRun } from '@org/dte-nx-compat';
import { BatchLimit, batchLimitOf } from './batch-limit';
import { frozen } from './frozen-reason';
import { type Measuring } from './measuring';
import { nxTaskOf } from './nx-task';
import { type AttemptRef } from './ipc';
import { forEachLimited, type RestoreContext } from './restore-closure';
import {
  type AttemptHooks,
  checkHash,
  type Difference,
  findTask,
  leavesNothing,
  nxFailed,
  refused,
  storeFinished,
} from './run-attempt';
import { graphOf } from './run-cache';
import { storeResult } from './store-result';
import { batchTimeoutReason } from './time-limit';

/** Artifacts of a batch that are stored at a time. Not configurable: disk and network are busy with this number, and the others wait. */
const STORED_AT_ONCE = 4;

/**
 * Runs a batch whose closure is on disk: checks the agreed hashes, lets Nx run its tasks in one process, and stores the
 * artifact of each. An executor sees the whole graph of the run, as on the main job. A task with a different hash here
 * does not run, and neither do its dependents in the batch, unless the run only wants a warning.
 * @throws DteError if the attempt was lost through no fault of the tasks
 */
export async function runBatch(
  context: RestoreContext,
  assignment: Assignment,
  members: readonly BatchMember[],
  hooks: AttemptHooks,
): Promise<BatchResult> {
  const { run, signal } = context;
  const specs = new Map(members.map(({ taskId }) => [taskId, findTask(context, taskId)]));
  const graph = graphOf(run, [...run.tasks.keys()], assignment.closure);
  for (const { taskId, hash } of members) {
    const spec = specs.get(taskId);
    if (spec !== undefined) graph.tasks[taskId] = nxTaskOf(spec, hash);
  }
  const startMs = Date.now();
  const isStrict = run.spec.onHashMismatch !== 'warn';
  const check = async () => {
    const differences = await differencesOf(context, graph, specs, members);
    return { differences, tasks: tasksThatRun(graph, specs, differences, isStrict) };
  };
  let { differences, tasks } = await check();
  signal.throwIfAborted();
  // As for one task.
  if (tasks.length > 0 && (await hooks.slot())) ({ differences, tasks } = await check());
  signal.throwIfAborted();
  const isRefused = (id: string): boolean => isStrict && differences.has(id);
  const limitMs = batchLimitOf(tasks.flatMap(({ id }) => specs.get(id) ?? []));
  const work: BatchWork = { tasks, fullTaskGraph: graph, hooks, limitMs };
  // Stored included: a restore of a task that writes there too puts these outputs aside for a while.
  return context.shared.running(
    tasks,
    async () => {
      const outcome = tasks.length === 0 ? null : await runAll(context, assignment, work);
      hooks.measuring.enter('store');
      const { measuring } = hooks;
      const stored = { specs, graph, tasks, differences, isRefused, outcome, startMs, measuring };
      const results = await storeAll(context, assignment, stored);
      return {
        kind: 'batch',
        members: members.map(({ taskId }) => ({ taskId, result: results.get(taskId) ?? null })),
        log: outcome?.log.slice(-LIMITS.outputChunkBytes.value) ?? '',
      };
    },
    signal,
  );
}

/** The tasks of a batch with the hashes that they have here, entered in the graph. @param isStrict those with another hash do not run */
function tasksThatRun(
  graph: TaskGraph,
  specs: ReadonlyMap<string, TaskSpec>,
  differences: ReadonlyMap<string, Difference>,
  isStrict: boolean,
): NxTask[] {
  const unfit = withDependants(graph, specs, isStrict ? [...differences.keys()] : []);
  return [...specs].flatMap(([id, spec]): NxTask[] => {
    const difference = differences.get(id);
    const task = difference === undefined ? graph.tasks[id] : nxTaskOf(spec, difference.hash);
    if (unfit.has(id) || task === undefined) return [];
    graph.tasks[id] = task;
    return [task];
  });
}

/** A batch that has ended, and what was not run of it. */
interface EndedBatch {
  readonly specs: ReadonlyMap<string, TaskSpec>;
  readonly graph: TaskGraph;
  readonly tasks: readonly NxTask[];
  readonly differences: ReadonlyMap<string, Difference>;
  readonly isRefused: (id: string) => boolean;
  /** Null: nothing was run. */
  readonly outcome: BatchRun | null;
  readonly startMs: number;
  readonly measuring: Measuring;
}

/** Has the artifact of each member stored. @returns by task id how it ended; null: it did not run */
async function storeAll(
  context: RestoreContext,
  assignment: Assignment,
  { specs, graph, tasks, differences, isRefused, outcome, startMs, measuring }: EndedBatch,
): Promise<ReadonlyMap<string, FinishedAttempt | null>> {
  const unfinished = new Set(
    outcome?.stopped === true ? tasks.flatMap(({ id }) => (outcome.tasks.has(id) ? [] : [id])) : [],
  );
  const results = new Map<string, FinishedAttempt | null>();
  await forEachLimited([...specs], STORED_AT_ONCE, async ([taskId, spec]) => {
    const difference = differences.get(taskId);
    const ended = unfinished.has(taskId)
      ? endedWithBatch(graph.tasks[taskId], startMs)
      : (outcome?.tasks.get(taskId) ?? null);
    if (difference !== undefined && isRefused(taskId)) {
      results.set(taskId, refused(taskId, difference, startMs));
    } else if (ended !== null) {
      const { drift, hashDetails = null } = difference ?? {};
      const ref = { ...assignment, taskId };
      const storingMs = performance.now();
      const finished = unfinished.has(taskId)
        ? await storeUnfinished(context, ref, { spec, ended, count: tasks.length })
        : await storeFinished(context, ref, spec, { outcome: ended });
      const measured = measuring.ofMember(finished.artifact, {
        isFirst: taskId === tasks[0]?.id,
        runMs: Math.max(0, ended.endMs - ended.startMs),
        storeMs: performance.now() - storingMs,
      });
      results.set(taskId, { ...finished, ...(drift === undefined ? {} : { drift, hashDetails }), measured });
    }
  });
  return results;
}

/** The tasks of a batch that run. */
interface BatchWork {
  readonly tasks: readonly NxTask[];
  readonly fullTaskGraph: TaskGraph;
  readonly hooks: AttemptHooks;
  /** Limit for all its tasks together, in ms; undefined: no limit. */
  readonly limitMs: number | undefined;
}

async function runAll(
  { host, signal, limits, agentName }: RestoreContext,
  { taskId, retry }: Assignment,
  { tasks, fullTaskGraph, hooks, limitMs }: BatchWork,
): Promise<BatchRun> {
  const limit = new BatchLimit(limitMs, () => host.stopTask(limits.killMs), hooks);
  hooks.measuring.enter('run');
  hooks.onExecuting(Date.now(), undefined);
  const seen = { isFrozen: false };
  const onFrozen = (): void => {
    seen.isFrozen = true;
    void host.stopTask(limits.killMs);
  };
  const run = (): Promise<BatchRun> =>
    host.runBatch({
      tasks,
      fullTaskGraph,
      onOutput: hooks.onOutput,
      // A failed task must really run: a cache may contain that failure (NX_CACHE_FAILURES).
      skipCacheRead: (retry?.failed ?? 0) > 0,
      // As for one task.
      storeFailure: (retry?.left ?? 0) === 0,
      frozen: { limitMs: limits.executorFrozenMs, onFrozen },
      onWorking: (isWorking) => (isWorking ? limit.begin() : limit.end()),
    });
  const outcome = await run().finally(() => limit.end());
  if (leavesNothing(tasks)) hooks.onFreed();
  signal.throwIfAborted();
  if (seen.isFrozen)
    throw frozen(`The process of the batch of ${taskId}`, agentName, limits.executorFrozenMs);
  if (outcome.stopped && !limit.isOver)
    throw new DteError('DTE_CANCELLED', 'The batch was stopped before it finished.');
  if (outcome.broken !== undefined) throw nxFailed('the batch', outcome.broken);
  return outcome;
}

/** A task that was on its way, or not even begun, when its batch was ended for running too long. */
const endedWithBatch = (task: NxTask | undefined, startMs: number): TaskRun => ({
  status: 'failure',
  code: 1,
  terminalOutput: '',
  hash: task?.hash ?? '',
  cacheStatus: 'miss',
  store: { kind: 'none' },
  startMs,
  endMs: Date.now(),
  stopped: true,
  broken: undefined,
  notices: '',
});

async function storeUnfinished(
  context: RestoreContext,
  ref: AttemptRef,
  { spec, ended, count }: { spec: TaskSpec; ended: TaskRun; count: number },
): Promise<FinishedAttempt> {
  const artifact = await storeResult(context, ref, { task: spec, run: ended, status: 'failure' });
  const { startMs, endMs, hash } = ended;
  return {
    kind: 'finished',
    status: 'failure',
    code: ended.code,
    fromCache: null,
    artifact,
    hash: hash === '' ? null : hash,
    startMs,
    endMs,
    hashDetails: null,
    reason: batchTimeoutReason(spec.id, count, context.agentName),
  };
}

async function differencesOf(
  context: RestoreContext,
  graph: TaskGraph,
  specs: ReadonlyMap<string, TaskSpec>,
  members: readonly BatchMember[],
): Promise<Map<string, Difference>> {
  const differences = new Map<string, Difference>();
  for (const { taskId, hash } of members) {
    const spec = specs.get(taskId);
    const difference =
      spec === undefined || hash === null ? null : await checkHash(context, graph, spec, hash);
    if (difference !== null) differences.set(taskId, difference);
  }
  return differences;
}

/** The given tasks, and those of the batch that need one of them, directly or not. */
function withDependants(
  graph: TaskGraph,
  batch: ReadonlyMap<string, unknown>,
  ids: readonly string[],
): Set<string> {
  const reached = new Set(ids);
  for (let before = -1; before !== reached.size;) {
    before = reached.size;
    for (const id of batch.keys()) {
      if ((graph.dependencies[id] ?? []).some((edge) => batch.has(edge.id) && reached.has(edge.id)))
        reached.add(id);
    }
  }
  return reached;
}
