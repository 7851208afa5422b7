import { resolveNx } from '../install/nx-install';
import { pathMatcher } from '../outputs/path-matcher';

/**
 * Those of `paths` that the patterns of an input take in: relative to the workspace, with `!` for what is left out. Nx matches
 * with native code that cannot be asked for a list of paths; the matcher here is the one that it uses everywhere else.
 */
export function matchFiles(
  patterns: readonly string[],
  paths: readonly string[],
  workspaceRoot: string = resolveNx().workspaceRoot,
): string[] {
  const excludes = patterns.filter((pattern) => pattern.startsWith('!')).map((pattern) => pattern.slice(1));
  const isWanted = pathMatcher(
    workspaceRoot,
    patterns.filter((pattern) => !pattern.startsWith('!')),
  );
  const isExcluded = pathMatcher(workspaceRoot, excludes);
  return paths.filter((path) => isWanted(path) && !isExcluded(path));
}
