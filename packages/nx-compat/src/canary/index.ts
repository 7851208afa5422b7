import { cacheChecks } from './cache-checks';
import { graphChecks } from './graph-checks';
import { packageChecks } from './package-checks';
import { runnerChecks } from './runner-checks';
import type { CanaryCheck } from './types';

/** Every fact about Nx that can be checked without a command: one that fails says which of our assumptions has gone. */
export const canaryChecks: readonly CanaryCheck[] = [
  ...runnerChecks,
  ...packageChecks,
  ...graphChecks,
  ...cacheChecks,
];
