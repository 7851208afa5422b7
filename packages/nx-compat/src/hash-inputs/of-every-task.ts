/** Files at the workspace's root that Nx hashes for every task, or for many without being told. */
export const INPUTS_OF_EVERY_TASK: readonly string[] = [
  'nx.json',
  '.nxignore',
  '.gitignore',
  'tsconfig.base.json',
  'tsconfig.json',
  'package.json',
];
