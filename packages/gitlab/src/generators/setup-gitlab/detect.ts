import { lockfilesOf, PACKAGE_MANAGERS, type PackageManager } from '../../pipeline';
import { parseJson } from '../text/json';
import { type Tree } from '../workspace/tree';

export interface Installed {
  readonly packageManager: PackageManager;
  /** From package.json's field `packageManager`, without its checksum. */
  readonly packageManagerVersion: string | null;
  readonly lockfile: string;
  readonly hasLockfile: boolean;
}

const read = (tree: Tree, path: string): string =>
  tree.exists(path) ? (tree.read(path, 'utf-8') ?? '') : '';

function yarnOf(tree: Tree, version: string | null): PackageManager {
  if (version !== null) return /^[01]\./.test(version) ? 'yarn' : 'yarn-berry';
  const isBerry = tree.exists('.yarnrc.yml') || read(tree, 'yarn.lock').includes('__metadata:');
  return isBerry ? 'yarn-berry' : 'yarn';
}

/** package.json's field first, because corepack and GitLab's images use it; then the existing lock file. */
export function detectPackageManager(tree: Tree): Installed {
  const field = parseJson(read(tree, 'package.json'))['packageManager'];
  const [, name, version = null] =
    /^(npm|yarn|pnpm|bun)@([^+]+)/.exec(typeof field === 'string' ? field : '') ?? [];
  const isThere = (file: string): boolean => tree.exists(file);
  // Both kinds of yarn use the same lock file name: the content is checked later.
  const byLockfile = PACKAGE_MANAGERS.find((manager) => lockfilesOf(manager).some(isThere));
  const found = PACKAGE_MANAGERS.find((manager) => manager === name) ?? byLockfile ?? 'npm';
  const packageManager = found.startsWith('yarn') ? yarnOf(tree, version) : found;
  const names = lockfilesOf(packageManager);
  const lockfile = names.find(isThere);
  return {
    packageManager,
    packageManagerVersion: version,
    lockfile: lockfile ?? names[0],
    hasLockfile: lockfile !== undefined,
  };
}
