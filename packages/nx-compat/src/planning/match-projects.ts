import { resolveNx } from '../install/nx-install';
import type { NxProjectGraph } from '../model/types';

interface MatcherModule {
  findMatchingProjects: (patterns: string[], projects: NxProjectGraph['nodes']) => string[];
}

/**
 * The projects that a list of patterns selects, exactly as in Nx's `--projects`: names, globs, parts of names, `tag:x`,
 * directories, `!` for exclusions. The meaning of patterns differs between majors, so Nx itself evaluates them.
 * @throws whatever Nx throws for an invalid pattern
 */
export function matchProjects(
  workspaceRoot: string,
  patterns: readonly string[],
  projects: NxProjectGraph['nodes'],
): string[] {
  const { findMatchingProjects } = resolveNx(workspaceRoot).load<MatcherModule>(
    'src/utils/find-matching-projects',
  );
  // Nx modifies the list that it gets.
  return findMatchingProjects([...patterns], projects);
}
