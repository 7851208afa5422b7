import { type TaskHost } from '@org/dte-nx-compat';
import { type ClosureEntry, type LimitValues, DteError } from '@org/dte-protocol';
import { type OutputsPort, codeOfFetch, extractAttempt } from '../artifacts';
import { type HttpClient } from '../http';
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
  /** Asked when a hash differs. */
  readonly witness: Pick<DriftWitness, 'testify'>;
}

/**
 * Puts one member of a dependency closure on disk.
 * @returns its outputs
 * @throws DteError DTE_ARTIFACT_MISSING, DTE_UNKNOWN_TASK and those of `extractAttempt`
 */
export async function restoreMember(
  context: RestoreContext,
  entry: ClosureEntry,
): Promise<readonly string[]> {
  const spec = context.run.tasks.get(entry.taskId);
  if (spec === undefined) {
    throw new DteError('DTE_UNKNOWN_TASK', `The run does not have the dependency ${entry.taskId}.`);
  }
  const { artifact } = entry;
  if (artifact.kind === 'cache') {
    const task = { ...nxTaskOf(spec, artifact.hash), cache: true };
    const fetched = await context.host.restore(task);
    if (fetched.kind === 'miss' || fetched.kind === 'error') {
      const why = fetched.kind === 'error' ? `: ${fetched.message}` : '';
      throw new DteError(
        fetched.kind === 'error' ? codeOfFetch(fetched.cause) : 'DTE_ARTIFACT_MISSING',
        `The outputs of the dependency ${entry.taskId} (hash ${artifact.hash}) could not be fetched${why}.`,
      );
    }
    if (fetched.entry.code !== 0) {
      // NX_CACHE_FAILURES of another command: nothing may be built on it.
      throw new DteError(
        'DTE_ARTIFACT_MISSING',
        `The cache holds a failure of the dependency ${entry.taskId} (hash ${artifact.hash}) and no outputs of a success.`,
      );
    }
  } else if (artifact.kind === 'attempt') {
    const { http, run, workspaceRoot, outputs, limits, signal } = context;
    await extractAttempt({
      ...{
        source: await http.getAttempt(run.spec.runId, entry.taskId, artifact.attempt, signal),
        workspaceRoot,
      },
      ...{
        taskId: entry.taskId,
        outputs: spec.nxTask.outputs,
        port: outputs,
        terminalOutput: 'skip',
        limits,
      },
    });
  }
  return spec.nxTask.outputs;
}

/** Runs `work` over `items`, so many at a time; the first error stops further ones from beginning. */
export async function forEachLimited<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
}
