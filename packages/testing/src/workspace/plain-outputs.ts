import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { listPaths, removePaths } from '@org/dte-nx-compat';
import { type OutputsPort } from '@org/dte-client';

/** Outputs without globs, and without Nx. */
export const plainOutputs = (workspaceRoot: string): OutputsPort => {
  const existing = (outputs: readonly string[]): string[] =>
    outputs.filter((path) => existsSync(join(workspaceRoot, path)));
  return {
    list: (outputs) => listPaths(workspaceRoot, existing(outputs)),
    remove: (outputs, how) => removePaths(workspaceRoot, existing(outputs), how),
    covers: (outputs) => (path) => outputs.some((output) => path === output || path.startsWith(`${output}/`)),
  };
};
