import type { CacheUse, TaskCache, TaskGraph } from '@org/dte-nx-compat';
import { sharingOf, type CacheTrust, type SharingOf } from './cache-trust';

const ANY: CacheUse = { local: true, shared: true, published: true };

/**
 * Whose results this job may use. A task that must be built in this pipeline does not take an entry of this machine's cache either:
 * it may come from another pipeline, through GitLab's job cache or a runner that keeps its disk.
 * @param skipRemoteCache --skip-remote-cache: the cache of this machine, and what this pipeline makes
 */
export const cacheUseOf =
  (sharingOf: SharingOf, skipRemoteCache: boolean) =>
  (taskId: string): CacheUse => {
    const sharing = sharingOf(taskId);
    if (sharing !== undefined) return { local: false, shared: false, published: sharing !== 'never' };
    return skipRemoteCache ? { local: true, shared: false, published: false } : ANY;
  };

/** For whoever opens the cache outside a distributed command. @param graph empty: only the ids of tasks are known */
export function obeyCacheTrust(
  cache: Pick<TaskCache, 'limit'>,
  trust: CacheTrust,
  graph: Pick<TaskGraph, 'tasks'> = { tasks: {} },
): void {
  cache.limit(cacheUseOf(sharingOf(trust, graph), false));
}
