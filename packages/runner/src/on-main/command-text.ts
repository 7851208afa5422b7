import type { NxProjectGraph, NxTarget } from '@org/dte-nx-compat';

/** The parts of a target that define what its tasks do, as one text: commands, options and scripts, without inputs and outputs. */
export function commandText({ project, target }: NxTarget, { nodes }: Pick<NxProjectGraph, 'nodes'>): string {
  const { root = '', targets = {} } = nodes[project]?.data ?? {};
  const { command, options, configurations, metadata } = targets[target] ?? {};
  return JSON.stringify([command, options, configurations, metadata])
    .replaceAll('{workspaceRoot}/', '')
    .replaceAll('{projectRoot}', root)
    .replaceAll('{projectName}', project);
}

const SCRIPT_EXECUTOR = 'nx:run-script';

/**
 * How a target would name a path of the workspace: a script of package.json starts in its project's folder. A command with
 * the folder as its `cwd` thereby names everything in it.
 */
export function asNamedIn(
  { project, target }: NxTarget,
  { nodes }: Pick<NxProjectGraph, 'nodes'>,
): (path: string) => string {
  const { root = '', targets = {} } = nodes[project]?.data ?? {};
  const isInProject = targets[target]?.executor === SCRIPT_EXECUTOR;
  return (path) => (isInProject && path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path);
}
