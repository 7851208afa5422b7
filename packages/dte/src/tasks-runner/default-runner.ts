import type { NxStatuses } from '@org/dte-nx-compat';
import { findWorkspaceRoot } from '@org/dte-nx-compat/workspace-root';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { RunnerArguments } from './activity';

/*
 * The way of every command on a laptop. nx-compat could do the same and costs 10 ms to load, which is why this uses the
 * public entry of Nx's own runner instead (the same on 20 to 24) and loads nothing that Nx would not.
 */
type TasksRunner = (...args: RunnerArguments) => Promise<NxStatuses>;

/** Hands a command over to the runner of the workspace's own Nx, whatever Nx our package may sit beside. */
export const runHereWithNx: TasksRunner = (...args) => {
  const requireFromWorkspace = createRequire(join(findWorkspaceRoot(), 'package.json'));
  return (requireFromWorkspace('nx/tasks-runners/default') as { default: TasksRunner }).default(...args);
};
