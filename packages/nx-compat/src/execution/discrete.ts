import type { NxInstall } from '../install/nx-install';
import type { RunDiscrete } from './types';
import { runDiscreteV20 } from './v20';
import { runDiscreteV21Plus } from './v21-plus';

/** The only place that decides how a version runs a single task. */
export const selectRunDiscrete = (nx: NxInstall): RunDiscrete => runDiscreteV21Plus(nx) ?? runDiscreteV20(nx);
