import {
  runSubsetWithDefaultRunner,
  type NxRunnerContext,
  type NxRunnerOptions,
  type NxStatuses,
} from '@org/dte-nx-compat';
import type { Prepared } from '../prepare/prepare';

export interface Here {
  readonly taskIds: readonly string[];
  /** Those of them that failed before they started. */
  readonly failed: readonly string[];
  /** Without the coordinator, its cache would only cost time. */
  readonly coordinatorLost: boolean;
  readonly prepared: Pick<Prepared, 'cache'>;
  readonly options: NxRunnerOptions;
  readonly context: NxRunnerContext;
}

/** Runs some tasks of a command with Nx's own runner. */
export async function runHere(here: Here): Promise<NxStatuses> {
  const { failed, options, context } = here;
  const taskIds = here.taskIds.filter((id) => !failed.includes(id));
  if (taskIds.length === 0) return {};
  const { cache } = here.prepared;
  if (here.coordinatorLost) cache.disconnect();
  const before = process.env['DTE_EXECUTOR'];
  // An nx command inside one of these tasks is part of the task: it must not be distributed separately.
  process.env['DTE_EXECUTOR'] = '1';
  const ran = await runSubsetWithDefaultRunner({
    taskIds,
    failedTaskIds: failed,
    options,
    context,
    cache,
  }).finally(() => {
    // Processes started later (by a script that publishes with the functions of nx/release) are not part of a task.
    if (before === undefined) Reflect.deleteProperty(process.env, 'DTE_EXECUTOR');
    else process.env['DTE_EXECUTOR'] = before;
  });
  const missing = taskIds.filter((id) => ran[id] === undefined);
  return { ...Object.fromEntries(missing.map((id) => [id, 'skipped' as const])), ...ran };
}
