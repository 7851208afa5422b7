import type { OpenedCache } from '../cache/open-cache';
import type { StoreOutcome } from '../cache/types';
import type { NxTask, NxTaskResult } from '../model/types';
import type { TaskRun } from './types';

export const cacheStatusOf = (status: NxTaskResult['status']): TaskRun['cacheStatus'] => {
  if (status === 'remote-cache') return 'remote-hit';
  return status === 'local-cache' || status === 'local-cache-kept-existing' ? 'local-hit' : 'miss';
};

/** A hit only on this machine does not help the others, so it is sent now. */
export async function storeOutcomeOf(
  cache: OpenedCache,
  task: NxTask,
  { status, code }: Pick<NxTaskResult, 'status' | 'code'>,
  terminalOutput: string,
): Promise<StoreOutcome> {
  if (cacheStatusOf(status) === 'local-hit')
    return cache.uploadFromLocal(task, { code, terminalOutput, outputsPath: '' });
  return cache.remote?.takeOutcome(task.hash ?? '') ?? { kind: 'none' };
}
