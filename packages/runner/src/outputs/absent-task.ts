import type { NxTarget, NxTask } from '@org/dte-nx-compat';
import type { AbsentTask } from './output-index';

/** The fields of an Nx task that are needed to fetch its outputs. */
export function toNxTask({ id, target: of, outputs, hash }: AbsentTask): NxTask {
  const target: NxTarget = { project: of.project, target: of.target };
  if (of.configuration !== undefined) target.configuration = of.configuration;
  const task: NxTask = { id, target, outputs, cache: true, overrides: { __overrides_unparsed__: [] } };
  return hash === null ? task : { ...task, hash };
}
