import { type NxTask } from '@org/dte-nx-compat';
import { type TaskSpec } from '@org/dte-protocol';

/**
 * The task for Nx: with our own decision about the cache, and the field of `overrides` that Nx reads without a check. A
 * new object, because Nx modifies tasks.
 */
export function nxTaskOf(spec: TaskSpec, hash: string | null = spec.hash): NxTask {
  const { hash: _carried, hashDetails: _details, ...task } = spec.nxTask as NxTask & TaskSpec['nxTask'];
  return {
    ...task,
    overrides: { __overrides_unparsed__: [], ...task.overrides },
    cache: spec.cacheable,
    ...(hash === null ? {} : { hash }),
  };
}
