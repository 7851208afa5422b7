import type { NxTask, TaskCache } from '@org/dte-nx-compat';
import { DteError, type FinishedAttempt } from '@org/dte-protocol';
import type { Explainer } from '../report/explainer';

interface KeepEntryOptions {
  readonly cache: Pick<TaskCache, 'keepHere'>;
  readonly explainer: Explainer;
  /** --skip-nx-cache: nothing is stored. */
  readonly skipNxCache: boolean;
}

/** Stores a success whose outputs came in an archive in this machine's cache, as Nx would have done if the task had run here. */
export async function keepEntry(
  { cache, explainer, skipNxCache }: KeepEntryOptions,
  task: NxTask,
  { hash, drift }: FinishedAttempt,
  printed: string,
): Promise<void> {
  const isSame = drift === undefined && hash !== null && hash === task.hash;
  if (skipNxCache || task.cache !== true || !isSame) return;
  await cache.keepHere(task, printed).catch((thrown: unknown) => {
    // This costs a cache hit, not the result.
    explainer.explain(DteError.from(thrown));
  });
}
