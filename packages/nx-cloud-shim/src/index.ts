import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/*
 * What Nx finds when it looks for `nx-cloud`: the workspace installs this package under that name, as an npm alias.
 * @org/dte is required only when Nx calls the runner. It is a peer dependency, so that this package never brings a
 * second copy of it; layouts that hide peers from an aliased package are asked through the workspace instead.
 */
type TasksRunner = (...args: unknown[]) => unknown;
type RequireFrom = (id: string) => unknown;

const RUNNER = '@org/dte';
/** Public entry of nx, the same on 20 to 24. */
const DEFAULT_RUNNER = 'nx/tasks-runners/default';

/** Is it `id` itself that is missing, and not something that it requires? Node and Yarn's PnP say it differently. */
const isMissing = (error: unknown, id: string): boolean => {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code !== 'MODULE_NOT_FOUND' && code !== 'UNDECLARED_DEPENDENCY') return false;
  return message.includes(`Cannot find module '${id}'`) || message.includes(`tried to access ${id}`);
};

/**
 * As `findWorkspaceRoot` of nx-compat. It is here once more because this package loads with nothing beside it: were anything
 * missing, Nx would take the module for not installed and download the vendor's client instead.
 */
function workspaceRoot(): string {
  const named = process.env['NX_WORKSPACE_ROOT_PATH'];
  if (named) return named;
  for (let folder = process.cwd(); folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, 'nx.json'))) return folder;
  }
  return process.cwd();
}

/** The first of several places where a module is found; undefined when it is in none. */
function load(id: string, places: readonly RequireFrom[]): unknown {
  for (const requireFrom of places) {
    try {
      return requireFrom(id);
    } catch (error) {
      if (!isMissing(error, id)) throw error;
    }
  }
  return undefined;
}

const defaultOf = (module: unknown): TasksRunner => (module as { default: TasksRunner }).default;

const MISSING = `dte: nx.json names ${RUNNER} as the tasks runner, but it is not installed; this command runs undistributed
  What to do: npm install --save-dev ${RUNNER}, or take tasksRunnerOptions out of nx.json and nx-cloud out of package.json.
`;

/** The tasks runner that Nx calls: that of @org/dte, or Nx's own when it is not there. A pipeline never fails for it. */
const tasksRunner: TasksRunner = (...args) => {
  const places: RequireFrom[] = [require, createRequire(join(workspaceRoot(), 'package.json'))];
  const runner = load(RUNNER, places);
  if (runner !== undefined) return defaultOf(runner)(...args);
  process.stderr.write(MISSING);
  const nx = load(DEFAULT_RUNNER, [...places].reverse());
  if (nx === undefined) throw new Error(`Neither ${RUNNER} nor nx is installed in ${workspaceRoot()}.`);
  return defaultOf(nx)(...args);
};

export default tasksRunner;
