/** Which task, as Nx names it. */
interface Target {
  readonly project: string;
  readonly target: string;
  readonly configuration?: string | undefined;
}

/**
 * What a table says of a task: by `project:target:configuration`, else by `project:target`, else by `target`, else by
 * `*`; undefined when it says nothing.
 */
export function byTarget<T>(table: Readonly<Record<string, T>>, task: Target): T | undefined {
  const { project, target, configuration } = task;
  const names = [`${project}:${target}`, target, '*'];
  if (configuration !== undefined) names.unshift(`${project}:${target}:${configuration}`);
  const name = names.find((candidate) => Object.hasOwn(table, candidate));
  return name === undefined ? undefined : table[name];
}
