import { DteError } from '@org/dte-protocol';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** The AWS SDK, as far as this adapter uses it. Only types are imported: nothing of it is loaded unless a bucket is configured. */
export interface Sdk {
  readonly s3: typeof import('@aws-sdk/client-s3');
  readonly storage: typeof import('@aws-sdk/lib-storage');
  readonly presigner: typeof import('@aws-sdk/s3-request-presigner');
}

const PACKAGES = {
  s3: '@aws-sdk/client-s3',
  storage: '@aws-sdk/lib-storage',
  presigner: '@aws-sdk/s3-request-presigner',
} as const satisfies Record<keyof Sdk, string>;
/** The major of all three. */
const MAJOR = 3;

const NPM = ['package-lock.json', 'npm install --save-dev'] as const;
/** By lock file: how a development dependency is installed. */
const INSTALL_BY_LOCK = [
  ['pnpm-lock.yaml', 'pnpm add --save-dev --workspace-root'],
  ['yarn.lock', 'yarn add --dev'],
  NPM,
] as const;

/** Files from which packages are resolved, the first one that finds them first. */
type Places = readonly string[];

const placesOf = (workspaceRoot: string): Places => [join(workspaceRoot, 'package.json'), __filename];

/** The workspace's own packages first: it decides about versions. Ours for installations that put a peer next to us. */
function locate(name: string, places: Places): string | null {
  for (const from of places) {
    try {
      return createRequire(from).resolve(name);
    } catch {
      // Not from there.
    }
  }
  return null;
}

/** The packages that a bucket needs and that are not installed. */
const missingPackages = (places: Places): string[] =>
  Object.values(PACKAGES).filter((name) => locate(name, places) === null);

/**
 * Why a bucket cannot be used from a workspace, with the command that helps; null if nothing is missing.
 * @param places for specs
 */
export function missingSdk(
  workspaceRoot: string,
  places: Places = placesOf(workspaceRoot),
): { readonly why: string; readonly install: string } | null {
  const missing = missingPackages(places);
  if (missing.length === 0) return null;
  const [, command] = INSTALL_BY_LOCK.find(([lock]) => existsSync(join(workspaceRoot, lock))) ?? NPM;
  return {
    why: `a bucket needs packages that are not installed in ${workspaceRoot}: ${missing.join(', ')}`,
    install: `${command} ${missing.map((name) => `${name}@${MAJOR}`).join(' ')}`,
  };
}

/**
 * Finds the SDK now and loads it when it is first called: that takes about 0.1 s of the process's only thread.
 * @throws DteError DTE_BAD_CONFIG with the command that installs what is missing
 */
export function lazySdk(workspaceRoot: string, places: Places = placesOf(workspaceRoot)): () => Sdk {
  const missing = missingSdk(workspaceRoot, places);
  if (missing !== null)
    throw new DteError(
      'DTE_BAD_CONFIG',
      `The shared cache (option cache, DTE_CACHE) cannot be used: ${missing.why}. Run: ${missing.install}`,
    );
  const require = createRequire(__filename);
  const load = (name: string): unknown => require(locate(name, places) ?? name);
  let sdk: Sdk | null = null;
  return () =>
    (sdk ??= {
      s3: load(PACKAGES.s3) as Sdk['s3'],
      storage: load(PACKAGES.storage) as Sdk['storage'],
      presigner: load(PACKAGES.presigner) as Sdk['presigner'],
    });
}
