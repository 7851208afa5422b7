import Module from 'node:module';
import { join, sep } from 'node:path';
import type { NxInstall } from '../install/nx-install';
import { standIn, type Load, type Loader } from '../install/stand-in';
import type { Restore } from '../patches/replace';

/**
 * What Nx requires while it is loaded, and no executor uses: it is for installations, the setup of AI agents, Nx Cloud's
 * client, and waiting in a terminal. Together with what they require themselves, this is half of all modules. Only modules
 * that Nx requires for their exports: whoever requires one only to run it would wait forever for that.
 */
const PACKAGES: ReadonlySet<string> = new Set([
  '@zkochan/js-yaml',
  'enquirer',
  'jsonc-parser',
  'minimatch',
  'ora',
  'semver',
  'yaml',
]);
const OF_NX = [
  'src/ai/configure-ai-agents-disclaimer',
  'src/nx-cloud/update-manager',
  'src/utils/catalog/index',
  'src/utils/spinner',
  'src/utils/sync-generators',
];

/** All of them, for the test that they are not loaded. */
export const LAZY_MODULES: readonly string[] = [...PACKAGES, ...OF_NX];

/** Where a version of Nx has its compiled files. */
const FOLDERS = ['', 'dist'];

/** How Nx's own modules name one another: only these are worth to be resolved once more. */
const NAMES: ReadonlySet<string> = new Set(
  OF_NX.map((path) => path.replace(/\/index$/, '').replace(/^.*\//, '')),
);

/**
 * Until it is undone, what Nx requires of the lists above is a stand-in, which loads the module when it is first used. Where node
 * has no such loader, or a version of Nx no such module, nothing changes.
 */
export function loadingLazily({ packageRoot }: Pick<NxInstall, 'packageRoot'>): Restore {
  const loader = Module as unknown as Loader;
  const { _load: load, _resolveFilename: resolve, _cache: cache } = loader;
  if (typeof load !== 'function' || typeof resolve !== 'function' || cache === undefined)
    return () => undefined;
  const ofNx = new Set(
    FOLDERS.flatMap((folder) => OF_NX.map((path) => join(packageRoot, folder, `${path}.js`))),
  );
  const [inside, below] = [packageRoot + sep, join(packageRoot, 'node_modules') + sep];
  const isLazy = (request: string, filename: string): boolean => PACKAGES.has(request) || ofNx.has(filename);
  const mayBe = (request: string): boolean =>
    PACKAGES.has(request) || NAMES.has(request.slice(request.lastIndexOf('/') + 1));
  const lazy: Load = (request, parent, isMain) => {
    const from = parent?.filename;
    if (!mayBe(request) || parent === undefined || !from?.startsWith(inside) || from.startsWith(below))
      return load.call(loader, request, parent, isMain);
    // Now, so that what is missing is missing here, as without us.
    const filename = resolve.call(loader, request, parent, isMain);
    if (!isLazy(request, filename) || cache[filename] !== undefined)
      return load.call(loader, request, parent, isMain);
    return standIn(() => load.call(loader, filename, parent, false));
  };
  loader._load = lazy;
  return () => {
    // Whoever has replaced it since has kept ours, and calls it.
    if (loader._load === lazy) loader._load = load;
  };
}
