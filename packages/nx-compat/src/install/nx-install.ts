import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { findWorkspaceRoot } from './workspace-root';

/** The Nx of one workspace. */
export interface NxInstall {
  /** As written in its package.json, e.g. `23.3.2`. */
  readonly version: string;
  /** 20 to 24. */
  readonly major: number;
  readonly minor: number;
  /** Absolute folder of the installed package. */
  readonly packageRoot: string;
  /** Absolute folder of the workspace it was resolved from. */
  readonly workspaceRoot: string;
  /**
   * Loads a module of Nx by its path below the package, e.g. `src/tasks-runner/cache`. The caller names the expected
   * type; nothing is checked. Throws the error of `require` (code MODULE_NOT_FOUND) if this version has no such file.
   */
  load<T>(path: string): T;
  /** Like `load`, but `undefined` if this version has no such file. */
  loadOptional<T>(path: string): T | undefined;
}

/** Thrown if a workspace has no usable Nx. `code` is `NX_MISSING` or `NX_UNSUPPORTED`. */
export class NxInstallError extends Error {
  /** The unsupported version. */
  readonly version: string | undefined;

  constructor(
    readonly code: 'NX_MISSING' | 'NX_UNSUPPORTED',
    message: string,
    options?: ErrorOptions & { version?: string },
  ) {
    super(message, options);
    this.name = 'NxInstallError';
    this.version = options?.version;
  }
}

const OLDEST = { major: 20, minor: 8 };
/** The newest major of Nx that dte is tested with. Not configurable. */
const NEWEST_MAJOR = 24;

/** Nx's behaviour also changes within a major; `npm run majors` tests several minors of each. */
export const isAtLeast = (
  nx: Pick<NxInstall, 'major' | 'minor'>,
  [major, minor]: readonly [number, number],
): boolean => nx.major > major || (nx.major === major && nx.minor >= minor);

const isSupported = (major: number, minor: number): boolean =>
  major === OLDEST.major ? minor >= OLDEST.minor : major > OLDEST.major && major <= NEWEST_MAJOR;

/** Nx's own entry: starts a command without a shell or package manager in between. */
export function nxEntry(workspaceRoot: string): string {
  const { packageRoot } = resolveNx(workspaceRoot);
  const manifest: unknown = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'));
  return join(packageRoot, (manifest as { bin: { nx: string } }).bin.nx);
}

const installs = new Map<string, NxInstall>();

/**
 * Finds the Nx that a workspace uses, wherever our own package is installed: with pnpm, PnP or a linked package, a
 * plain `require('nx')` here could find another one, with a second database connection and separate module state.
 * @throws NxInstallError
 */
export function resolveNx(workspaceRoot: string = findWorkspaceRoot()): NxInstall {
  const known = installs.get(workspaceRoot);
  if (known) return known;
  const fromWorkspace = createRequire(join(workspaceRoot, 'package.json'));
  let packageJson: string;
  try {
    packageJson = fromWorkspace.resolve('nx/package.json');
  } catch (cause) {
    throw new NxInstallError('NX_MISSING', `nx is not installed in ${workspaceRoot}`, { cause });
  }
  const { version } = JSON.parse(readFileSync(packageJson, 'utf8')) as { version: string };
  const [major = NaN, minor = NaN] = version.split('.').map(Number);
  if (!isSupported(major, minor))
    throw new NxInstallError(
      'NX_UNSUPPORTED',
      `nx ${version}, which is not supported; supported versions are 20.8 to 24`,
      {
        version,
      },
    );
  // Required by absolute path, so that the `exports` of exactly this copy map nx/src/*. Cached, because resolving a
  // path takes a tenth of a millisecond, and an executor asks several times per task.
  const loaded = new Map<string, unknown>();
  const load = <T>(path: string): T => {
    if (!loaded.has(path)) loaded.set(path, fromWorkspace(`nx/${path}`));
    return loaded.get(path) as T;
  };
  const install: NxInstall = {
    version,
    major,
    minor,
    packageRoot: dirname(packageJson),
    workspaceRoot,
    load,
    loadOptional: <T>(path: string): T | undefined => {
      try {
        return load<T>(path);
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (code === 'MODULE_NOT_FOUND' || code === 'ERR_PACKAGE_PATH_NOT_EXPORTED') return undefined;
        throw error;
      }
    },
  };
  installs.set(workspaceRoot, install);
  return install;
}
