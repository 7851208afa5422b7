import { resolveNx } from '../install/nx-install';
import type { NxProjectGraph } from '../model/types';

interface MatcherModule {
  findMatchingProjects: (patterns: string[], projects: NxProjectGraph['nodes']) => string[];
}

/**
 * The projects that a list of patterns means, exactly as Nx reads `--projects`: names, globs, parts of names, `tag:x`,
 * directories, `!` for what is left out. What a pattern means differs between majors; they decide themselves.
 * @throws whatever Nx throws for a pattern that it makes no sense of
 */
export function matchProjects(
  workspaceRoot: string,
  patterns: readonly string[],
  projects: NxProjectGraph['nodes'],
): string[] {
  const { findMatchingProjects } = resolveNx(workspaceRoot).load<MatcherModule>(
    'src/utils/find-matching-projects',
  );
  // Nx adds to the list it is given.
  return findMatchingProjects([...patterns], projects);
}
