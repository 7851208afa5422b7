import { resolveNx } from '../install/nx-install';
import type { NxProjectNode, NxTarget } from '../model/types';

interface UtilsModule {
  getOutputsForTargetAndConfiguration: (target: NxTarget, overrides: object, node: NxProjectNode) => string[];
}

/**
 * The possible outputs of a target's tasks, for each of its configurations: lists of outputs as Nx resolves them,
 * without duplicates. A target whose outputs Nx rejects has none.
 */
export function outputsOfTarget(node: NxProjectNode, target: string, workspaceRoot?: string): string[][] {
  const { getOutputsForTargetAndConfiguration } =
    resolveNx(workspaceRoot).load<UtilsModule>('src/tasks-runner/utils');
  const configurations = Object.keys(node.data.targets?.[target]?.configurations ?? {});
  const lists = [undefined, ...configurations].map((configuration) => {
    const named: NxTarget = { project: node.name, target };
    if (configuration !== undefined) named.configuration = configuration;
    try {
      return getOutputsForTargetAndConfiguration(named, {}, node);
    } catch {
      return [];
    }
  });
  const unique = new Map(lists.map((outputs) => [JSON.stringify(outputs), outputs]));
  return [...unique.values()].filter((outputs) => outputs.length > 0);
}
