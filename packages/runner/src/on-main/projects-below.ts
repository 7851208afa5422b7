import type { NxProjectGraph } from '@org/dte-nx-compat';

/** A project and all that it depends on, itself first. */
export function projectsBelow({ nodes, dependencies }: NxProjectGraph, project: string): string[] {
  const found = new Set([project]);
  for (const name of found) {
    const edges = dependencies[name];
    if (!Array.isArray(edges)) continue;
    for (const { target } of edges as { target: string }[])
      if (nodes[target] !== undefined) found.add(target);
  }
  return [...found];
}
