import { cachesFailures, type OutputSummary, type TaskHost, type TaskRun } from '@org/dte-nx-compat';
import { type Artifact, type TaskSpec, DteError, isStorableHash } from '@org/dte-protocol';
import { packAttempt, summariseOutputs, withSummary } from '@org/dte-client';
import { nxTaskOf } from './nx-task';
import { type RestoreContext } from './restore-closure';
import { type AttemptRef } from './ipc';

/** A task that has just run, and its result. */
export interface Ended {
  readonly task: TaskSpec;
  readonly run: TaskRun;
  readonly status: 'success' | 'failure';
  /** Its outputs as they were when Nx's cache had them: other tasks may have changed them since. Undefined: nobody has. */
  readonly made?: OutputSummary | null | undefined;
}

/**
 * Makes sure that the coordinator has the outputs of a task that has just run. Nx stores what it caches. If Nx reports
 * success, that is trusted; if not, the coordinator is asked. Everything else is sent as an archive of the attempt.
 * @throws DteError if nothing could be stored
 */
export async function storeResult(
  context: RestoreContext,
  ref: AttemptRef,
  { task, run, status, made: madeBefore }: Ended,
): Promise<Artifact> {
  // The outputs of a failed task are shown as well, and Nx restores no files when it replays a failure from its cache.
  const isCacheable = status === 'success' || run.cacheStatus !== 'miss';
  const isTried = isCacheable && !run.stopped && task.cacheable && isStorableHash(run.hash);
  const held = isTried ? await heldAs(context, { task, run, status, made: madeBefore }) : null;
  if (held !== null) {
    await storeTerminal(context, task, run, status);
    const artifact: Artifact = { kind: 'cache', hash: run.hash };
    return held === 'ours' && status === 'success'
      ? withSummary(artifact, madeBefore === undefined ? await listed(context, task) : madeBefore)
      : artifact;
  }
  if (madeBefore !== undefined) {
    throw new DteError(
      'DTE_ARTIFACT_INCOMPLETE',
      `The coordinator did not take the outputs of ${task.id}, and other tasks may have changed them since.`,
    );
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

/** A task without outputs has nothing to compare. If another task may write to them, they may already differ from what was stored. */
export const listed = (
  { outputs, shared }: RestoreContext,
  { id, nxTask }: TaskSpec,
): Promise<OutputSummary | null> =>
  nxTask.outputs.length === 0 || shared.overlapping(id).length > 0
    ? Promise.resolve(null)
    : summariseOutputs(outputs, id, nxTask.outputs);

/**
 * In Nx's format, the terminal output comes last, after all outputs. In our own archive it is at the beginning; and a
 * failure's outputs are always downloaded.
 */
async function storeTerminal(
  { http, signal }: RestoreContext,
  task: TaskSpec,
  run: TaskRun,
  status: 'success' | 'failure',
): Promise<void> {
  if (task.terminalApart !== true || status === 'failure') return;
  // Without it, the main job downloads the outputs as well: slower, with the same result.
  await http.putTerminal(run.hash, run.terminalOutput, signal).catch(() => undefined);
}

/**
 * Whether the coordinator has the task's entry of Nx's cache. `ours`: what this attempt has made. `other`: it may be from another run,
 * which is equivalent, but not necessarily identical to the byte. Null: it has none.
 */
async function heldAs(
  { host, http }: RestoreContext,
  { task, run, status, made }: Ended,
): Promise<'ours' | 'other' | null> {
  if (run.store.kind === 'stored') return 'ours';
  // Nx caches failures only if configured, and then it reported `stored` or `declined`.
  if (status === 'failure' && run.store.kind === 'none') return null;
  if (run.cacheStatus === 'remote-hit' && host.remoteKind === 'ours') return 'other';
  // With NX_CACHE_FAILURES, the stored entry for this hash may be an earlier failure.
  const isSure = status === 'failure' || !cachesFailures();
  // What another pipeline has made under this hash is not what this attempt made. This waits for a coordinator that restarts.
  if (isSure && (await http.askHeld([run.hash])).get(run.hash) === null) return 'other';
  if (run.cacheStatus === 'local-hit') return (await uploadLocalHit(host, task, run.hash)) ? 'other' : null;
  // The workspace may have changed since it was packed; Nx's own copy has not.
  return made !== undefined && (await uploadLocalHit(host, task, run.hash)) ? 'ours' : null;
}

/** Nx never sent hits of this machine's own cache. */
async function uploadLocalHit(host: TaskHost, spec: TaskSpec, hash: string): Promise<boolean> {
  const task = nxTaskOf(spec, hash);
  const entry = (await host.cache.lookupLocal([task])).get(spec.id);
  if (entry === undefined) return false;
  return (await host.cache.uploadFromLocal(task, entry)).kind === 'stored';
}
