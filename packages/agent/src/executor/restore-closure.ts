import { type TaskHost } from '@org/dte-nx-compat';
import {
  type Artifact,
  type ClosureEntry,
  type LimitValues,
  type TaskSpec,
  DteError,
} from '@org/dte-protocol';
import {
  type OutputsPort,
  codeOfFetch,
  expectSame,
  extractAttempt,
  madeOf,
  summariseOutputs,
  type HttpClient,
} from '@org/dte-client';
import { type OthersThere, type SharedOutputs } from '../shared-outputs/shared-outputs';
import { type DriftWitness } from './drift-witness';
import { nxTaskOf } from './nx-task';
import { type Run } from './run-cache';

export interface RestoreContext {
  readonly host: TaskHost;
  readonly http: HttpClient;
  readonly run: Run;
  readonly workspaceRoot: string;
  readonly outputs: OutputsPort;
  readonly limits: LimitValues;
  readonly signal: AbortSignal;
  readonly agentName: string;
  /** Outputs to which several tasks of the run write. */
  readonly shared: SharedOutputs;
  /** Called if a hash differs. */
  readonly witness: Pick<DriftWitness, 'testify'>;
}

/**
 * Restores one member of a dependency closure to disk.
 * @returns its outputs, and what else is there
 * @throws DteError DTE_ARTIFACT_MISSING, DTE_ARTIFACT_DAMAGED, DTE_OUTPUTS_DIFFER, DTE_UNKNOWN_TASK and those of
 * `extractAttempt`
 */
export async function restoreMember(
  context: RestoreContext,
  entry: ClosureEntry,
): Promise<OthersThere & { readonly outputs: readonly string[] }> {
  const spec = context.run.tasks.get(entry.taskId);
  if (spec === undefined) {
    throw new DteError('DTE_UNKNOWN_TASK', `The run does not contain the dependency ${entry.taskId}.`);
  }
  const { id, nxTask } = spec;
  const restore = (): Promise<void> => restoreArtifact(context, entry, spec);
  const others = await context.shared.restoring({ id, outputs: nxTask.outputs }, restore, context.signal);
  return { outputs: spec.nxTask.outputs, ...others };
}

/** Outputs that differ from what was made are fetched again, in another way if there is one. */
async function restoreArtifact(context: RestoreContext, entry: ClosureEntry, spec: TaskSpec): Promise<void> {
  const { artifact } = entry;
  if (artifact.kind === 'none') return;
  if (artifact.kind === 'attempt') return restoreArchive(context, entry, spec);
  try {
    await restoreCached(context, artifact, spec);
  } catch (thrown) {
    if (DteError.from(thrown).code !== 'DTE_OUTPUTS_DIFFER') throw thrown;
    // This machine's own cache may have other outputs for the same hash.
    await restoreArchive(context, entry, spec);
  }
}

async function restoreCached(
  context: RestoreContext,
  artifact: Extract<Artifact, { kind: 'cache' }>,
  spec: TaskSpec,
): Promise<void> {
  const fetched = await context.host.restore({ ...nxTaskOf(spec, artifact.hash), cache: true });
  if (fetched.kind === 'miss' || fetched.kind === 'error') {
    const why = fetched.kind === 'error' ? `: ${fetched.message.replace(/\.$/, '')}` : '';
    throw new DteError(
      fetched.kind === 'error' ? codeOfFetch(fetched.cause) : 'DTE_ARTIFACT_MISSING',
      `The outputs of the dependency ${spec.id} (hash ${artifact.hash}) could not be fetched${why}.`,
    );
  }
  if (fetched.entry.code !== 0) {
    // NX_CACHE_FAILURES of another command: no task may use it.
    throw new DteError(
      'DTE_ARTIFACT_MISSING',
      `The cache contains a failure of the dependency ${spec.id} (hash ${artifact.hash}) and no outputs of a successful run.`,
    );
  }
  expectSame(spec.id, madeOf(artifact), fetched.outputs);
}

async function restoreArchive(
  { http, run, workspaceRoot, outputs, limits, signal }: RestoreContext,
  { artifact }: ClosureEntry,
  { id, nxTask, sharing }: TaskSpec,
): Promise<void> {
  if (artifact.kind === 'none') return;
  const isCached = artifact.kind === 'cache';
  const source = isCached
    ? await http.getCached(artifact.hash, { ownOnly: sharing !== undefined })
    : await http.getAttempt(run.spec.runId, id, artifact.attempt, signal);
  const { meta } = await extractAttempt({
    source,
    workspaceRoot,
    taskId: id,
    outputs: nxTask.outputs,
    port: outputs,
    terminalOutput: 'skip',
    limits,
    format: isCached ? 'nx-cache' : 'attempt',
  });
  if (meta.code !== 0)
    throw new DteError('DTE_ARTIFACT_MISSING', `The stored result of the dependency ${id} is a failure.`);
  const made = madeOf(artifact);
  if (made !== undefined) expectSame(id, made, await summariseOutputs(outputs, id, nxTask.outputs));
}

/** Runs `work` for all `items`, this many at a time; after the first error, no further ones start. */
export async function forEachLimited<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  let hasFailed = false;
  const worker = async (): Promise<void> => {
    for (const item of queue) {
      if (hasFailed) return;
      try {
        await work(item);
      } catch (thrown) {
        hasFailed = true;
        throw thrown;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
}
