import type { NxProjectGraph, NxTarget } from '@org/dte-nx-compat';

/** What a target says of what its tasks do, as one text: commands, options and scripts, but neither inputs nor outputs. */
export function commandText({ project, target }: NxTarget, { nodes }: Pick<NxProjectGraph, 'nodes'>): string {
  const { root = '', targets = {} } = nodes[project]?.data ?? {};
  const { command, options, configurations, metadata } = targets[target] ?? {};
  return JSON.stringify([command, options, configurations, metadata])
    .replaceAll('{workspaceRoot}/', '')
    .replaceAll('{projectRoot}', root)
    .replaceAll('{projectName}', project);
}
