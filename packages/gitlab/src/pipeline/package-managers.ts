import type { GitlabFileOptions, PackageManager } from './options';
import { word } from './text';

type Asked = Pick<GitlabFileOptions, 'packageManager' | 'packageManagerVersion'>;

/** What a job needs to know about a package manager. */
export interface PackageManagerSteps {
  /** Commands that install the dependencies, and first the package manager itself if images lack it. */
  readonly install: readonly string[];
  /** Runs a program of the dependencies: `<run> nx`. Must print nothing itself, because its output is parsed. */
  readonly run: string;
  /** Downloaded packages, from the root of the repository; kept between pipelines. */
  readonly cacheFolder: string;
  readonly variables: Readonly<Record<string, string>>;
}

interface Description extends Omit<PackageManagerSteps, 'install' | 'variables'> {
  readonly command: string;
  readonly provide: (version: string | null) => readonly string[];
  readonly variables?: Readonly<Record<string, string>>;
  /** Lock files, the most likely first. */
  readonly lockfiles: readonly [string, ...string[]];
}

// Node 25 and later do not include corepack. An existing one is not replaced: jobs on shell runners share it.
const corepack = (name: string): string[] => [
  'command -v corepack || npm install --global corepack@latest',
  `corepack enable ${name}`,
];

/*
 * Caches are in folders that Nx excludes from its file hashes whatever .gitignore contains (`.nx/cache` and
 * `.yarn/cache`, the same in Nx 20 to 24). Elsewhere, they would be inputs of a project at the workspace root and
 * differ from job to job, and agents would reject all its tasks because of a different hash.
 */
const MANAGERS: Readonly<Record<PackageManager, Description>> = {
  npm: {
    // Node includes npm; corepack does not change it unless configured.
    provide: () => [],
    command: 'npm ci --cache .nx/cache/npm --prefer-offline',
    run: 'npx',
    cacheFolder: '.nx/cache/npm/',
    lockfiles: ['package-lock.json', 'npm-shrinkwrap.json'],
  },
  yarn: {
    // Images have yarn 1, which refuses to run if package.json requires another version.
    provide: (version) => (version === null ? [] : corepack('yarn')),
    command: 'yarn install --frozen-lockfile --prefer-offline --cache-folder .nx/cache/yarn',
    // Otherwise, it prints a line before and one after the program's output.
    run: 'yarn --silent',
    cacheFolder: '.nx/cache/yarn/',
    lockfiles: ['yarn.lock'],
  },
  'yarn-berry': {
    provide: () => corepack('yarn'),
    command: 'yarn install --immutable',
    run: 'yarn',
    cacheFolder: '.yarn/cache/',
    // Puts the cache into the project. YARN_CACHE_FOLDER would be relative to wherever yarn is called.
    variables: { YARN_ENABLE_GLOBAL_CACHE: 'false' },
    lockfiles: ['yarn.lock'],
  },
  pnpm: {
    provide: () => corepack('pnpm'),
    command: 'pnpm install --frozen-lockfile --prefer-offline --store-dir .nx/cache/pnpm-store',
    run: 'pnpm exec',
    cacheFolder: '.nx/cache/pnpm-store/',
    lockfiles: ['pnpm-lock.yaml'],
  },
  bun: {
    // Corepack does not support bun, and images of Node lack it; images of bun lack the Node that Nx needs.
    provide: (version) => [
      `command -v bun || npm install --global ${word(version === null ? 'bun' : `bun@${version}`)}`,
    ],
    command: 'bun install --frozen-lockfile --cache-dir .nx/cache/bun',
    run: 'bunx',
    cacheFolder: '.nx/cache/bun/',
    lockfiles: ['bun.lock', 'bun.lockb'],
  },
};

export const PACKAGE_MANAGERS = Object.keys(MANAGERS) as readonly PackageManager[];

/** Lock file names of a package manager, the usual one first. */
export const lockfilesOf = (packageManager: PackageManager): readonly [string, ...string[]] =>
  MANAGERS[packageManager].lockfiles;

/** Commands, folders and variables of a package manager; a version in package.json's `packageManager` is respected. */
export function packageManagerSteps({ packageManager, packageManagerVersion }: Asked): PackageManagerSteps {
  const { provide, command, run, cacheFolder, variables = {} } = MANAGERS[packageManager];
  return { install: [...provide(packageManagerVersion), command], run, cacheFolder, variables };
}
