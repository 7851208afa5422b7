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
import { type Ended, listed, storeResult } from './store-result';
import { TimeLimit, timedOut } from './time-limit';

export interface AttemptHooks {
  readonly onExecuting: (startMs: number, timeoutMs: number | undefined) => void;
  /** A command with a limit has ended, in any way. */
  readonly onRan: () => void;
  /**
   * Nothing of the attempt runs any more, and nothing that another task does to the disk can change what is stored of it. Not called
   * if the attempt's result says so at the same time.
   */
  readonly onFreed: () => void;
  /** Called with work to be done when an entry of Nx's cache is packed, before it is sent. */
  readonly whenPacked: (work: (hash: string, code: number) => Promise<void>) => void;
  readonly onOutput: (chunk: string) => void;
  /** Resolves when the attempt may run: its agent has a slot for it; with true if other tasks may have run since its hash was checked. */
  readonly slot: () => Promise<boolean>;
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
  const graph = graphOf(run, [task.id], assignment.closure);
  graph.tasks[task.id] = nxTaskOf(task, assignment.hash);
  const startMs = Date.now();
  const difference = await checkedWithSlot(context, assignment, { task, graph }, hooks.slot);
  if (difference !== null && run.spec.onHashMismatch !== 'warn') return refused(task.id, difference, startMs);
  // With `warn`, it runs and is stored under the hash that it has here.
  const nxTask = nxTaskOf(task, difference?.hash ?? assignment.hash);
  graph.tasks[task.id] = nxTask;
  const told = difference === null ? {} : { drift: difference.drift, hashDetails: difference.hashDetails };
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
        if (leavesNothing([task.nxTask])) hooks.onFreed();
        measuring.enter('store');
      },
    });
  const made = freeWhenPacked(context, assignment, { task, hash: nxTask.hash }, hooks);
  const runAndStore = async (): Promise<AttemptResult> => {
    const limit = new TimeLimit(task.timeoutMs, stop, hooks.onRan);
    measuring.enter('run');
    hooks.onExecuting(Date.now(), task.timeoutMs);
    const outcome = await runTask(limit).finally(() => limit.end());
    // What is sent from now on is not what decides whether others may run.
    hooks.whenPacked(() => Promise.resolve());
    if (leavesNothing([task.nxTask])) hooks.onFreed();
    measuring.enter('store');
    signal.throwIfAborted();
    const ended = await storeEnded(context, assignment, task, {
      outcome,
      isOver: limit.isOver,
      made: made(),
    });
    return { ...ended, ...told, measured: measuring.ofTask(ended) };
  };
  // Stored included: a restore of a task that writes there too puts these outputs aside for a while.
  return context.shared.running([{ id: task.id, outputs: task.nxTask.outputs }], runAndStore, signal);
}

/** What other tasks do to the disk cannot change what is stored of these: they have no outputs. */
export const leavesNothing = (tasks: readonly { readonly outputs: readonly string[] }[]): boolean =>
  tasks.every(({ outputs }) => outputs.length === 0);

/** What differs on this machine when the attempt has a slot; a difference that the run does not accept needs none. */
async function checkedWithSlot(
  context: RestoreContext,
  { hash }: Assignment,
  { task, graph }: { readonly task: TaskSpec; readonly graph: TaskGraph },
  slot: AttemptHooks['slot'],
): Promise<Difference | null> {
  const check = () => (hash === null ? null : checkHash(context, graph, task, hash));
  const difference = await check();
  if (difference !== null && context.run.spec.onHashMismatch !== 'warn') return difference;
  context.signal.throwIfAborted();
  // Only the outputs of its dependencies can differ since: source files are hashed once.
  return (await slot()) && task.dependencies.length > 0 ? check() : difference;
}

/**
 * Others may run as soon as the outputs are packed, while they are sent. Not if they are shared with other tasks; not if an attempt has
 * begun before either, because what the coordinator does not take is stored from the disk.
 * @returns the outputs as they were then; undefined: nobody else has run
 */
function freeWhenPacked(
  context: RestoreContext,
  { attempt, unbegun }: Assignment,
  { task, hash: ours }: { readonly task: TaskSpec; readonly hash: string | undefined },
  { whenPacked, onFreed }: Pick<AttemptHooks, 'whenPacked' | 'onFreed'>,
): () => Ended['made'] {
  const isAgain = attempt > 1 && unbegun !== true;
  let made: Ended['made'];
  whenPacked(async (hash, code) => {
    // A hash that depends on the outputs of others was not agreed, and is the one with which the task ran.
    if (code !== 0 || hash !== (ours ?? hash) || isAgain || made !== undefined) return;
    if (context.shared.overlapping(task.id).length > 0) return;
    made = await listed(context, task).catch(() => undefined);
    if (made !== undefined) onFreed();
  });
  return () => made;
}

/** @param ended how the task ended, whether it ran too long, and its outputs if others may have changed them since */
async function storeEnded(
  context: RestoreContext,
  ref: AttemptRef,
  task: TaskSpec,
  { outcome, isOver, made }: Pick<Ended, 'made'> & { readonly outcome: TaskRun; readonly isOver: boolean },
): Promise<FinishedAttempt> {
  if (isOver) {
    const artifact = await storeResult(context, ref, { task, run: outcome, status: 'failure', made });
    return { ...timedOut(context, task, outcome), artifact };
  }
  if (outcome.stopped || outcome.status === 'stopped' || outcome.status === 'skipped') {
    throw new DteError('DTE_CANCELLED', `${task.id} was stopped before it finished.`);
  }
  if (outcome.broken !== undefined) throw nxFailed(task.id, outcome.broken);
  return storeFinished(context, ref, task, { outcome, made });
}

/** Stores the artifact of a task that has ended, and returns its result. */
export async function storeFinished(
  context: RestoreContext,
  ref: AttemptRef,
  task: TaskSpec,
  { outcome, made }: Pick<Ended, 'made'> & { readonly outcome: TaskRun },
): Promise<FinishedAttempt> {
  const status = outcome.status === 'failure' ? 'failure' : 'success';
  const artifact = await storeResult(context, ref, { task, run: outcome, status, made });
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
