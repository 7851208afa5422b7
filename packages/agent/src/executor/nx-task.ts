import { type NxTask } from '@org/dte-nx-compat';
import { type TaskSpec } from '@org/dte-protocol';

/**
 * The task as Nx wants it: our own decision about the cache on it, and the field of `overrides` that Nx reads without
 * asking. A fresh object: Nx writes on tasks.
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
