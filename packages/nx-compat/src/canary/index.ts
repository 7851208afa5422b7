import { cacheChecks } from './cache-checks';
import { graphChecks } from './graph-checks';
import { packageChecks } from './package-checks';
import { runnerChecks } from './runner-checks';
import type { CanaryCheck } from './types';

/** Every fact about Nx that can be checked without a command: a failed one shows which of our assumptions no longer holds. */
export const canaryChecks: readonly CanaryCheck[] = [
  ...runnerChecks,
  ...packageChecks,
  ...graphChecks,
  ...cacheChecks,
];
