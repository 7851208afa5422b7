import { createRequire } from 'node:module';
import { join } from 'node:path';
import { resolveNx } from '../install/nx-install';

type Minimatch = (path: string, pattern: string, options: { dot: boolean }) => boolean;

/**
 * Decides which paths match one of the globs, with the same library as Nx (each version has its own copy).
 * @param globs relative to the workspace, like the paths; `dist` also matches everything below it
 */
export function pathMatcher(workspaceRoot: string, globs: readonly string[]): (path: string) => boolean {
  if (globs.length === 0) return () => false;
  const { packageRoot } = resolveNx(workspaceRoot);
  const { minimatch } = createRequire(join(packageRoot, 'package.json'))('minimatch') as {
    minimatch: Minimatch;
  };
  const patterns = globs.flatMap((glob) => [glob, `${glob.replace(/\/+$/, '')}/**`]);
  return (path) => patterns.some((pattern) => minimatch(path, pattern, { dot: true }));
}
