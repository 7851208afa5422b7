import { type NxProjectGraph } from '@org/dte-nx-compat';
import { resolve } from 'node:path';

/** Targets by project root; the last name of the root is the project's name. */
export type Targets = Readonly<Record<string, Readonly<Record<string, Record<string, unknown>>>>>;

/** This repository: workspaces in memory have no Nx of their own. */
export const REPOSITORY_NX = resolve(__dirname, '../../../../..');

/** Projects as in a project graph. */
export const nodesOf = (projects: Targets): NxProjectGraph['nodes'] =>
  Object.fromEntries(
    Object.entries(projects).map(([root, targets]) => {
      const name = root === '.' ? 'root' : (root.split('/').at(-1) ?? root);
      return [name, { name, type: 'lib', data: { root, targets: { ...targets } } }];
    }),
  );
