/** Which task, as Nx names it. */
interface Target {
  readonly project: string;
  readonly target: string;
  readonly configuration?: string | undefined;
}

/** The target that a part of an atomized one belongs to: `e2e-ci` for `e2e-ci--src/cart.cy.ts`. */
const wholeOf = (target: string): string => target.split('--')[0] ?? target;

/**
 * What a table says of a task: by `project:target:configuration`, else by `project:target`, else by `target`, else by
 * `*`; undefined when it says nothing. Parts of an atomized target (`e2e-ci--<file>`) go by its name, too.
 */
export function byTarget<T>(table: Readonly<Record<string, T>>, task: Target): T | undefined {
  const { project, target, configuration } = task;
  const whole = wholeOf(target);
  const names = [`${project}:${target}`, `${project}:${whole}`, target, whole, '*'];
  if (configuration !== undefined) names.unshift(`${project}:${target}:${configuration}`);
  const name = names.find((candidate) => Object.hasOwn(table, candidate));
  return name === undefined ? undefined : table[name];
}
