import type { NxTarget, NxTask } from '@org/dte-nx-compat';
import type { AbsentTask } from './output-index';

/** As much of a task of Nx as its outputs can be fetched with. */
export function toNxTask({ id, target: of, outputs, hash }: AbsentTask): NxTask {
  const target: NxTarget = { project: of.project, target: of.target };
  if (of.configuration !== undefined) target.configuration = of.configuration;
  const task: NxTask = { id, target, outputs, cache: true, overrides: { __overrides_unparsed__: [] } };
  return hash === null ? task : { ...task, hash };
}
