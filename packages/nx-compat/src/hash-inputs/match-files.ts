import { resolveNx } from '../install/nx-install';
import { pathMatcher } from '../outputs/path-matcher';

/**
 * The `paths` that match the patterns of an input: relative to the workspace, with `!` for exclusions. Nx matches in
 * native code, which cannot be called for a list of paths; the matcher here is the one that Nx uses everywhere else.
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
