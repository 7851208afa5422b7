import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type OutputsPort } from '../artifacts';

/** Outputs without globs, and without Nx. */
export const plainOutputs = (workspaceRoot: string): OutputsPort => ({
  expand: (outputs) => outputs.filter((path) => existsSync(join(workspaceRoot, path))),
  remove: (outputs) => {
    for (const path of outputs) rmSync(join(workspaceRoot, path), { recursive: true, force: true });
  },
  covers: (outputs) => (path) => outputs.some((output) => path === output || path.startsWith(`${output}/`)),
});
