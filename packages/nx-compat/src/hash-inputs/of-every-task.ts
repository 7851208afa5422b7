/** Files in the workspace root that Nx hashes for every task, or for many tasks implicitly. */
export const INPUTS_OF_EVERY_TASK: readonly string[] = [
  'nx.json',
  '.nxignore',
  '.gitignore',
  'tsconfig.base.json',
  'tsconfig.json',
  'package.json',
];
