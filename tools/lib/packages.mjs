import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Every package of the workspace: its folder, its name in packages/, and its manifest. */
export function workspacePackages(at = root) {
  const parent = join(at, 'packages');
  return readdirSync(parent)
    .filter((dir) => existsSync(join(parent, dir, 'package.json')))
    .map((dir) => ({
      dir,
      path: join(parent, dir),
      manifest: JSON.parse(readFileSync(join(parent, dir, 'package.json'), 'utf8')),
    }));
}

export const publishablePackages = () => workspacePackages().filter(({ manifest }) => !manifest.private);

/** The files below `folder`, relative to it, sorted; folders for which `skip(name)` is true are left out. */
export function filesBelow(folder, skip = () => false) {
  const found = [];
  const visit = (relative) => {
    for (const entry of readdirSync(join(folder, relative), { withFileTypes: true })) {
      const path = relative === '' ? entry.name : `${relative}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!skip(entry.name)) visit(path);
      } else {
        found.push(path);
      }
    }
  };
  if (existsSync(folder)) visit('');
  return found.sort();
}
