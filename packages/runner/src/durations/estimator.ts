export interface TaskToEstimate {
  readonly id: string;
  readonly project: string;
  readonly target: string;
  readonly configuration?: string | null | undefined;
}

/** How long a task is expected to run. */
export interface Expected {
  readonly ms: number;
  /** The option `weights`; earlier runs on agents; Nx's own task history; a typical value of the target. */
  readonly from: 'option' | 'history' | 'nx' | 'usual';
}

export interface DurationEstimator {
  of(task: TaskToEstimate): Expected;
}

export interface DurationSources {
  /** Option `weights`: by `project:target`, else by target, in ms. */
  readonly weights: Readonly<Record<string, number>>;
  /** What earlier runs tell; null: nothing. */
  readonly learnt?: (task: TaskToEstimate) => number | null;
  /** By task id: what Nx's own task history tells. */
  readonly nx?: ReadonlyMap<string, number>;
}

/**
 * Duration of a task by target, without measurements: typical values of workspaces with a few hundred projects. For `dte plan`, an
 * error by a factor of two costs one agent too many or too few; for the order of tasks, only which are longer matters.
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
/** Estimate for a target without a known duration. Not configurable: the option `weights` says it for each target. */
const OTHER_MS = 30_000;

/** `e2e-ci--src/cart.cy.ts` is one file's part of `e2e-ci`. */
const wholeOf = (target: string): string => target.split('--')[0] ?? target;

const usualMs = (target: string): number =>
  Object.hasOwn(USUAL_MS, target) ? (USUAL_MS[target] ?? OTHER_MS) : OTHER_MS;

/** From the source that knows best: what the user says, what was measured, what is usual. */
export function durationEstimator({ weights, learnt, nx }: DurationSources): DurationEstimator {
  return {
    of: (task) => {
      const { id, project, target } = task;
      const whole = wholeOf(target);
      const said = [`${project}:${target}`, target, whole].find((name) => Object.hasOwn(weights, name));
      if (said !== undefined) return { ms: weights[said] ?? OTHER_MS, from: 'option' };
      const known = learnt?.(task) ?? null;
      if (known !== null) return { ms: known, from: 'history' };
      const byNx = nx?.get(id);
      if (byNx !== undefined) return { ms: byNx, from: 'nx' };
      return { ms: usualMs(whole), from: 'usual' };
    },
  };
}
