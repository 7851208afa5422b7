// ESLint, after creating the project graph: @nx/enforce-module-boundaries reads the graph that Nx has stored, and skips
// itself if there is none, so the dependency rule would not be checked on a fresh clone.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createProjectGraphAsync } from '@nx/devkit';
import { root } from './lib/packages.mjs';

await createProjectGraphAsync();

const eslint = join(root, 'node_modules', 'eslint', 'bin', 'eslint.js');
const args = process.argv.slice(2);
const targets = args.some((arg) => !arg.startsWith('-')) ? [] : ['.'];
const { status } = spawnSync(process.execPath, [eslint, '--max-warnings=0', ...args, ...targets], {
  cwd: root,
  stdio: 'inherit',
});
process.exit(status ?? 1);
