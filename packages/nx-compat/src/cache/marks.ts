import type { NxTask, NxTaskStatus } from '../model/types';

/** The statuses of a task that did not run because a cache had its result. */
export type CacheMark = Extract<NxTaskStatus, 'local-cache' | 'local-cache-kept-existing' | 'remote-cache'>;

/** The mark that Nx uses: a local hit restores files, unless they are in place already. */
export const cacheMark = (task: Pick<NxTask, 'outputs'>, from: 'local' | 'remote'): CacheMark =>
  from === 'local' && task.outputs.length === 0 ? 'local-cache-kept-existing' : `${from}-cache`;

export const isCacheMark = (status: NxTaskStatus): status is CacheMark =>
  status === 'local-cache' || status === 'local-cache-kept-existing' || status === 'remote-cache';
