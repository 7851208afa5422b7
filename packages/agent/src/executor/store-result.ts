import { cachesFailures, type OutputSummary, type TaskHost, type TaskRun } from '@org/dte-nx-compat';
import { type Artifact, type TaskSpec, isStorableHash } from '@org/dte-protocol';
import { packAttempt, summariseOutputs, withSummary } from '@org/dte-client';
import { nxTaskOf } from './nx-task';
import { type RestoreContext } from './restore-closure';
import { type AttemptRef } from './ipc';

/** A task that has just run, and how it ended. */
interface Ended {
  readonly task: TaskSpec;
  readonly run: TaskRun;
  readonly status: 'success' | 'failure';
}

/**
 * Where the coordinator has the outputs of a task that has just run. Nx stores what it caches by itself; that is
 * believed when it says so and asked when it does not, and everything else is sent as an archive of the attempt.
 * @throws DteError when nothing could be stored
 */
export async function storeResult(
  context: RestoreContext,
  ref: AttemptRef,
  { task, run, status }: Ended,
): Promise<Artifact> {
  // What a failed task has left is shown as well, and replaying a failure from its cache Nx brings no files.
  const isCacheable = status === 'success' || run.cacheStatus !== 'miss';
  if (
    isCacheable &&
    !run.stopped &&
    task.cacheable &&
    isStorableHash(run.hash) &&
    (await isInCache(context, task, run, status))
  ) {
    await storeTerminal(context, task, run, status);
    // What was there before may be of another run: it is as good, and need not be the same to the byte.
    const isOurs = run.store.kind === 'stored' && status === 'success';
    const artifact: Artifact = { kind: 'cache', hash: run.hash };
    return isOurs ? withSummary(artifact, await listed(context, task)) : artifact;
  }
  const { http, workspaceRoot, outputs, limits, signal } = context;
  const made = await listed(context, task);
  const archive = () =>
    packAttempt({
      workspaceRoot,
      outputs: task.nxTask.outputs,
      port: outputs,
      limits,
      meta: { taskId: task.id, hash: run.hash === '' ? null : run.hash, code: run.code, status },
      terminalOutput: run.terminalOutput,
    });
  await http.putAttempt(ref, archive, signal);
  return withSummary({ kind: 'attempt', attempt: ref.attempt }, made);
}

/**
 * Of a task without outputs there is nothing to compare. Where another task may write to them, there may be more or less by
 * now than was stored.
 */
const listed = (
  { outputs, shared }: RestoreContext,
  { id, nxTask }: TaskSpec,
): Promise<OutputSummary | null> =>
  nxTask.outputs.length === 0 || shared.overlapping(id).length > 0
    ? Promise.resolve(null)
    : summariseOutputs(outputs, id, nxTask.outputs);

/**
 * In Nx's format what a task printed comes last, behind all of its outputs. Of an archive of ours it is the beginning; and
 * a failure's outputs are always taken.
 */
async function storeTerminal(
  { http, signal }: RestoreContext,
  task: TaskSpec,
  run: TaskRun,
  status: 'success' | 'failure',
): Promise<void> {
  if (task.terminalApart !== true || status === 'failure') return;
  // Without it the main job takes the outputs as well: slower, and as good.
  await http.putTerminal(run.hash, run.terminalOutput, signal).catch(() => undefined);
}

async function isInCache(
  { host, http }: RestoreContext,
  task: TaskSpec,
  run: TaskRun,
  status: 'success' | 'failure',
): Promise<boolean> {
  if (run.store.kind === 'stored') return true;
  // Nx caches failures only when told to, and then it said `stored` or `declined`.
  if (status === 'failure' && run.store.kind === 'none') return false;
  if (run.cacheStatus === 'remote-hit' && host.remoteKind === 'ours') return true;
  // With NX_CACHE_FAILURES what is held under this hash may be a failure from before.
  const isSure = status === 'failure' || !cachesFailures();
  if (isSure && (await http.askHeld([run.hash])).has(run.hash)) return true;
  return run.cacheStatus === 'local-hit' && (await uploadLocalHit(host, task, run.hash));
}

/** What this machine's own cache had was never sent by Nx. */
async function uploadLocalHit(host: TaskHost, spec: TaskSpec, hash: string): Promise<boolean> {
  const task = nxTaskOf(spec, hash);
  const entry = (await host.cache.lookupLocal([task])).get(spec.id);
  if (entry === undefined) return false;
  return (await host.cache.uploadFromLocal(task, entry)).kind === 'stored';
}
