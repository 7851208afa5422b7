import type { DurationEstimator } from '../submit/build-run-spec';

/**
 * Default duration of a task by target, without measurements: typical values of workspaces with a few hundred projects.
 * An error by a factor of two costs one agent too many or too few; set the real durations with the option `weights`.
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
/** Estimate for a target without a known duration. Not configurable: a wrong estimate only changes the number of agents. */
const OTHER_MS = 30_000;

/** `e2e-ci--src/cart.cy.ts` is one file's part of `e2e-ci`. */
const wholeOf = (target: string): string => target.split('--')[0] ?? target;

/** Durations in ms: by `project:target`, else by target, as in `weights`; else the default. */
export function durationEstimator(weights: Readonly<Record<string, number>>): DurationEstimator {
  return {
    weightOf: ({ project, target }) => {
      const whole = wholeOf(target);
      const known = weights[`${project}:${target}`] ?? weights[target] ?? weights[whole];
      return known ?? USUAL_MS[whole] ?? OTHER_MS;
    },
  };
}
