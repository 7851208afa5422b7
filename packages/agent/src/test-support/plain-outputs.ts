import { existsSync, lstatSync, readdirSync, rmSync } from 'node:fs';
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
  remove: (outputs, behindLinks = true) => {
    for (const path of outputs) {
      const absolute = join(workspaceRoot, path);
      const isLink = lstatSync(absolute, { throwIfNoEntry: false })?.isSymbolicLink() === true;
      // As Nx's own is replaced: what is behind a link of the workspace, and not the link.
      if (isLink && existsSync(absolute) && !behindLinks) continue;
      const all =
        isLink && existsSync(absolute)
          ? readdirSync(absolute).map((name) => join(absolute, name))
          : [absolute];
      for (const each of all) rmSync(each, { recursive: true, force: true });
    }
  },
});
