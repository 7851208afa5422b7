import type { DurationEstimator } from '../submit/build-run-spec';

/**
 * How long a task of a target takes where nobody has measured: the middle of what workspaces of a few hundred projects
 * report. Wrong by a factor of two they cost one agent too many or too few; option `weights` has the truth.
 */
const USUAL_MS: Readonly<Record<string, number>> = {
  lint: 15_000,
  typecheck: 20_000,
  'type-check': 20_000,
  test: 30_000,
  'test-ci': 20_000,
  build: 45_000,
  'e2e-ci': 90_000,
  e2e: 180_000,
};
/** Estimate for a target without a known duration. No limit: a wrong estimate only changes the number of agents. */
const OTHER_MS = 30_000;

/** `e2e-ci--src/cart.cy.ts` is one file's part of `e2e-ci`. */
const wholeOf = (target: string): string => target.split('--')[0] ?? target;

/** Durations in ms: by `project:target`, else by target, as `weights` has them; else what is usual. */
export function durationEstimator(weights: Readonly<Record<string, number>>): DurationEstimator {
  return {
    weightOf: ({ project, target }) => {
      const whole = wholeOf(target);
      const known = weights[`${project}:${target}`] ?? weights[target] ?? weights[whole];
      return known ?? USUAL_MS[whole] ?? OTHER_MS;
    },
  };
}
