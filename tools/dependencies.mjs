// Checks docs/reference/dependencies.md: it gives a reason for each runtime dependency of each published package, and for nothing else.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { publishablePackages, root } from './lib/packages.mjs';
import { dependencyProblems } from './lib/supply/dependency-problems.mjs';

const problems = dependencyProblems(
  readFileSync(join(root, 'docs', 'reference', 'dependencies.md'), 'utf8'),
  publishablePackages().map(({ manifest }) => manifest),
);
for (const problem of problems) console.error(problem);
if (problems.length === 0) console.log('docs/reference/dependencies.md has a reason for each dependency.');
process.exitCode = problems.length === 0 ? 0 : 1;
