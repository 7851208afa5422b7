import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { listPaths } from '@org/dte-nx-compat';
import { type OutputsPort } from '../artifacts';

/** Outputs without globs, and without Nx. */
export const plainOutputs = (workspaceRoot: string): OutputsPort => ({
  list: (outputs) =>
    listPaths(
      workspaceRoot,
      outputs.filter((path) => existsSync(join(workspaceRoot, path))),
    ),
  remove: (outputs) => {
    for (const path of outputs) rmSync(join(workspaceRoot, path), { recursive: true, force: true });
  },
});
