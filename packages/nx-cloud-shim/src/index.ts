/**
 * What Nx finds when it looks for `nx-cloud`: the workspace installs this package under that name, as an npm alias.
 * @org/dte is required only when Nx calls the runner, from the workspace's own installation (a peer dependency), so
 * that this package never brings a second copy of it.
 */
type TasksRunner = (...args: unknown[]) => unknown;

const tasksRunner: TasksRunner = (...args) =>
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- deferred on purpose, see above
  (require('@org/dte') as { default: TasksRunner }).default(...args);

export default tasksRunner;
