/** A task as Nx names it. */
interface Target {
  readonly project: string;
  readonly target: string;
  readonly configuration?: string | undefined;
}

/** The atomized target that a part belongs to: `e2e-ci` for `e2e-ci--src/cart.cy.ts`. */
const wholeOf = (target: string): string => target.split('--')[0] ?? target;

/**
 * The value for a task in a table: by `project:target:configuration`, else `project:target`, else `target`, else `*`;
 * undefined if there is none. The name of an atomized target also applies to its parts (`e2e-ci--<file>`).
 */
export function byTarget<T>(table: Readonly<Record<string, T>>, task: Target): T | undefined {
  const { project, target, configuration } = task;
  const whole = wholeOf(target);
  const names = [`${project}:${target}`, `${project}:${whole}`, target, whole, '*'];
  if (configuration !== undefined) names.unshift(`${project}:${target}:${configuration}`);
  const name = names.find((candidate) => Object.hasOwn(table, candidate));
  return name === undefined ? undefined : table[name];
}
