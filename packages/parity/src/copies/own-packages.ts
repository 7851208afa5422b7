import { ALIAS, RUNNER, SHIM } from '@org/dte-nx-compat';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { linkFolder } from './folders';

const CLI = 'dist/cli/main.js';

interface Manifest {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

const manifestOf = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;

/** The package that `name` is for the package in `folder`; undefined if it is not installed. */
function resolvePackage(name: string, folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const found = join(at, 'node_modules', name);
    if (existsSync(join(found, 'package.json'))) return realpathSync(found);
    if (at === dirname(at)) return undefined;
  }
}

async function copyPackage(from: string, to: string): Promise<void> {
  const filter = (path: string): boolean => !path.slice(from.length).split(sep).includes('node_modules');
  await cp(from, to, { recursive: true, verbatimSymlinks: true, filter });
}

/**
 * Copies a package and everything that it depends on to one folder, whatever the layout of node_modules that it was
 * installed in. Dependencies are below the package, so nothing of a workspace is replaced; peers are not copied, so the
 * only nx that they find is the workspace's.
 */
async function bundle(product: string, target: string): Promise<void> {
  const placed = new Map<string, string>();
  const place = async (folder: string, at: string): Promise<void> => {
    await copyPackage(folder, at);
    for (const name of Object.keys(manifestOf(folder).dependencies ?? {})) {
      const found = resolvePackage(name, folder);
      if (found === undefined || found === placed.get(name)) continue;
      const shared = !placed.has(name);
      if (shared) placed.set(name, found);
      const to = join(shared ? target : at, 'node_modules', name);
      if (!existsSync(to)) await place(found, to);
    }
  };
  await place(product, target);
}

/** The module that Nx looks for: it hands over to ours. */
const SHIM_FILES: Readonly<Record<string, string>> = {
  'package.json': JSON.stringify({ name: SHIM, version: '0.0.0', main: 'index.js' }),
  'index.js': `exports.default = (...args) => require('${RUNNER}').default(...args);\n`,
};

/** Our own packages, in a form in which they can be added to the copies of a workspace. */
export class OwnPackages {
  private constructor(private readonly folder: string) {}

  /** @param product folder of the installed package @org/dte */
  static async collect(product: string, folder: string): Promise<OwnPackages> {
    await mkdir(join(folder, ALIAS), { recursive: true });
    await bundle(realpathSync(product), join(folder, 'dte'));
    for (const [name, text] of Object.entries(SHIM_FILES)) await writeFile(join(folder, ALIAS, name), text);
    return new OwnPackages(folder);
  }

  /** Adds them to a workspace; those that it has are replaced. */
  async addTo(workspace: string): Promise<void> {
    const modules = join(workspace, 'node_modules');
    await mkdir(join(modules, '.bin'), { recursive: true });
    for (const [from, to] of [
      ['dte', RUNNER],
      [ALIAS, ALIAS],
    ] as const) {
      await rm(join(modules, to), { recursive: true, force: true });
      await linkFolder(join(this.folder, from), join(modules, to));
    }
    await rm(join(modules, '.bin', 'dte'), { force: true });
    await symlink(join('..', RUNNER, CLI), join(modules, '.bin', 'dte'));
  }
}

/** The command line of @org/dte in a workspace. */
export const cliOf = (workspace: string): string => join(workspace, 'node_modules', RUNNER, CLI);
