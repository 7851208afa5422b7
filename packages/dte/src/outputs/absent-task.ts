import type { NxTask } from '@org/dte-nx-compat';
import type { AbsentTask } from './output-index';

/** As much of a task of Nx as its outputs can be fetched with. */
export const toNxTask = ({ id, target, outputs, hash }: AbsentTask): NxTask => ({
  ...{ id, outputs, cache: true, overrides: { __overrides_unparsed__: [] } },
  target: {
    ...{ project: target.project, target: target.target },
    ...(target.configuration === undefined ? {} : { configuration: target.configuration }),
  },
  ...(hash === null ? {} : { hash }),
});
