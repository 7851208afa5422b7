import type { NxStatuses } from '@org/dte-nx-compat';
import { findWorkspaceRoot } from '@org/dte-nx-compat/workspace-root';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { RunnerArguments } from './activity';

/*
 * The path of every command on a developer's machine. nx-compat could do the same but takes 10 ms to load. So this uses
 * the public entry of Nx's own runner (the same on 20 to 24) and loads nothing that Nx would not load.
 */
type TasksRunner = (...args: RunnerArguments) => Promise<NxStatuses>;

/** Passes a command to the runner of the workspace's own Nx, whatever Nx is installed next to our package. */
export const runHereWithNx: TasksRunner = (...args) => {
  const requireFromWorkspace = createRequire(join(findWorkspaceRoot(), 'package.json'));
  return (requireFromWorkspace('nx/tasks-runners/default') as { default: TasksRunner }).default(...args);
};
