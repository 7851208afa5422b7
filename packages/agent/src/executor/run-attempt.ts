import { type Broken, type TaskGraph, type TaskRun, brokenBy } from '@org/dte-nx-compat';
import {
  type Assignment,
  type AttemptResult,
  type FinishedAttempt,
  type TaskSpec,
  DteError,
} from '@org/dte-protocol';
import { type Testimony } from './drift-witness';
import { type AttemptRef } from './ipc';
import { type Measuring } from './measuring';
import { nxTaskOf } from './nx-task';
import { type RestoreContext } from './restore-closure';
import { graphOf } from './run-cache';
import { storeResult } from './store-result';
import { TimeLimit, timedOut } from './time-limit';

export interface AttemptHooks {
  readonly onExecuting: (startMs: number, timeoutMs: number | undefined) => void;
  /** A command with a limit has ended, in any way. */
  readonly onRan: () => void;
  /** Nothing of the attempt runs any more. Called once, or not at all if it did not run. */
  readonly onFreed: () => void;
  readonly onOutput: (chunk: string) => void;
  /** Resolves when the attempt may run: its agent has a slot for it. */
  readonly slot: () => Promise<void>;
  /** Resolves when the servers of the task are up; with false if one failed, and the task must not run. */
  readonly serve: () => Promise<boolean>;
  readonly measuring: Measuring;
}

/** The task of an assignment. @throws DteError DTE_UNKNOWN_TASK if this agent's project graph has no such task */
export function findTask(context: RestoreContext, taskId: string): TaskSpec {
  const task = context.run.tasks.get(taskId);
  if (task === undefined) throw new DteError('DTE_UNKNOWN_TASK', `The run has no task ${taskId}.`);
  const { project, target } = task.nxTask.target;
  const node = context.host.projectGraph.nodes[project];
  if (node?.data.targets?.[target] === undefined) {
    const what = node === undefined ? `project ${project}` : `target ${target} of project ${project}`;
    throw new DteError(
      'DTE_UNKNOWN_TASK',
      `This agent cannot find the ${what}, which the main job requested.`,
    );
  }
  return task;
}

/**
 * Runs one attempt whose closure is on disk: checks the agreed hash, runs the task through Nx and stores its artifact.
 * @throws DteError if the attempt was lost through no fault of the task
 */
export async function runAttempt(
  context: RestoreContext,
  assignment: Assignment,
  task: TaskSpec,
  hooks: AttemptHooks,
): Promise<AttemptResult> {
  const { host, run, signal } = context;
  const { measuring } = hooks;
  const graph = graphOf(run, [task.id]);
  graph.tasks[task.id] = nxTaskOf(task, assignment.hash);
  const startMs = Date.now();
  const difference = assignment.hash === null ? null : await checkHash(context, graph, task, assignment.hash);
  if (difference !== null && run.spec.onHashMismatch !== 'warn') return refused(task.id, difference, startMs);
  // With `warn`, it runs and is stored under the hash that it has here.
  const nxTask = nxTaskOf(task, difference?.hash ?? assignment.hash);
  graph.tasks[task.id] = nxTask;
  const told = difference === null ? {} : { drift: difference.drift, hashDetails: difference.hashDetails };
  signal.throwIfAborted();
  await hooks.slot();
  signal.throwIfAborted();
  if (!(await hooks.serve())) return notRun();
  signal.throwIfAborted();
  const stop = () => host.stopTask(context.limits.killMs);
  const runTask = (limit: TimeLimit): Promise<TaskRun> =>
    host.runTask({
      task: nxTask,
      fullTaskGraph: graph,
      onOutput: hooks.onOutput,
      skipCacheRead: run.spec.skipNxCache,
      // A failed task must really run: a cache may contain that failure (NX_CACHE_FAILURES).
      rerun: (assignment.retry?.failed ?? 0) > 0,
      // The coordinator was not asked about a hash that the task has only here.
      ...(difference === null ? {} : { lookupRemote: true }),
      // Its hash has room for one result, and the next attempt may have a better one.
      storeFailure: (assignment.retry?.left ?? 0) === 0,
      onStoring: () => {
        limit.end();
        hooks.onFreed();
        measuring.enter('store');
      },
    });
  const runAndStore = async (): Promise<AttemptResult> => {
    const limit = new TimeLimit(task.timeoutMs, stop, hooks.onRan);
    measuring.enter('run');
    hooks.onExecuting(Date.now(), task.timeoutMs);
    const outcome = await runTask(limit).finally(() => limit.end());
    hooks.onFreed();
    measuring.enter('store');
    signal.throwIfAborted();
    const ended = await storeEnded(context, assignment, task, { outcome, isOver: limit.isOver });
    return { ...ended, ...told, measured: measuring.ofTask(ended) };
  };
  // Stored included: a restore of a task that writes there too puts these outputs aside for a while.
  return context.shared.running([{ id: task.id, outputs: task.nxTask.outputs }], runAndStore, signal);
}

/** @param ended how the task ended, and whether it ran too long */
async function storeEnded(
  context: RestoreContext,
  ref: AttemptRef,
  task: TaskSpec,
  { outcome, isOver }: { readonly outcome: TaskRun; readonly isOver: boolean },
): Promise<FinishedAttempt> {
  if (isOver) {
    const artifact = await storeResult(context, ref, { task, run: outcome, status: 'failure' });
    return { ...timedOut(context, task, outcome), artifact };
  }
  if (outcome.stopped || outcome.status === 'stopped' || outcome.status === 'skipped') {
    throw new DteError('DTE_CANCELLED', `${task.id} was stopped before it finished.`);
  }
  if (outcome.broken !== undefined) throw nxFailed(task.id, outcome.broken);
  return storeFinished(context, ref, task, outcome);
}

/** Stores the artifact of a task that has ended, and returns its result. */
export async function storeFinished(
  context: RestoreContext,
  ref: AttemptRef,
  task: TaskSpec,
  outcome: TaskRun,
): Promise<FinishedAttempt> {
  const status = outcome.status === 'failure' ? 'failure' : 'success';
  const artifact = await storeResult(context, ref, { task, run: outcome, status });
  return {
    kind: 'finished',
    status,
    code: codeOf(outcome, status),
    artifact,
    reason: null,
    hashDetails: null,
    fromCache: fromCacheOf(outcome),
    hash: outcome.hash === '' ? null : outcome.hash,
    startMs: outcome.startMs,
    endMs: outcome.endMs,
  };
}

/** Nx returned no result. @param what it was to run */
export const nxFailed = (what: string, { why, byMachine }: Broken): DteError =>
  new DteError(
    byMachine ? 'DTE_MACHINE_TROUBLE' : 'DTE_NX_FAILED',
    `Nx could not run ${what} on this agent: ${why}`,
  );

/** A server that it needs failed first. The supervisor owns the server and reports its output. */
function notRun(): AttemptResult {
  const nowMs = Date.now();
  return {
    kind: 'finished',
    status: 'failure',
    code: 1,
    fromCache: null,
    artifact: { kind: 'none' },
    hash: null,
    startMs: nowMs,
    endMs: nowMs,
    reason: null,
    hashDetails: null,
  };
}

/** Nx's convention, on which the main job relies: 0 exactly for success. */
const codeOf = ({ code }: TaskRun, status: 'success' | 'failure'): number =>
  status === 'success' ? 0 : code === 0 ? 1 : code;

const fromCacheOf = ({ cacheStatus }: TaskRun): FinishedAttempt['fromCache'] =>
  cacheStatus === 'local-hit' ? 'local-cache' : cacheStatus === 'remote-hit' ? 'remote-cache' : null;

/** The agent's own hash of a task, and the reasons if it differs. */
export type Difference = Testimony & { readonly hash: string };

/** What differs on this machine; null if the hash is the agreed one. */
export async function checkHash(
  { host, run, witness }: RestoreContext,
  graph: TaskGraph,
  task: TaskSpec,
  agreed: string,
): Promise<Difference | null> {
  const computed = await host.hashTask(nxTaskOf(task, agreed), graph).catch((thrown: unknown) => {
    throw nxFailed(task.id, brokenBy(thrown));
  });
  if (computed.value === agreed) return null;
  const testimony = await witness.testify(run.spec.runId, agreed, computed, host.projectGraph);
  return { ...testimony, hash: computed.value };
}

/** The task did not run: its hash differs from the agreed one, and the run does not accept that. */
export const refused = (
  taskId: string,
  { hash, drift, hashDetails }: Difference,
  startMs: number,
): FinishedAttempt => ({
  kind: 'finished',
  status: 'failure',
  code: 1,
  fromCache: null,
  artifact: { kind: 'none' },
  hash,
  drift,
  hashDetails,
  startMs,
  endMs: Date.now(),
  reason: {
    code: 'DTE_HASH_MISMATCH',
    message: `${taskId} has another hash here (${hash}) than on the main job (${drift.agreed}).`,
  },
});
