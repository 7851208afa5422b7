import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const wanted = process.env['TEST_NX_VERSIONS'];

/** One version of each supported major, the latest when this was written; TEST_NX_VERSIONS names others. */
export const NX_VERSIONS: readonly NxVersion[] =
  wanted === undefined || wanted === ''
    ? ['20.8.4', '21.6.11', '22.7.12', '23.3.2', '24.0.6']
    : wanted.split(',');

/** The first supported release. Up to 20.8.1, Nx cannot read an archive without outputs: see `cache/truthful-remote.ts`. */
export const OLDEST_NX_VERSION = '20.8.0';

/** The last minor of 22 that hashes, and plans batches, like 21. */
export const EARLY_22 = '22.6.5';

/** Exact, as npm has it. */
export type NxVersion = string;

/**
 * Where versions are kept between runs: a folder given by DTE_NX_MAJORS_DIR, or one in this user's cache. Outside the
 * repository, because nx looks for the module `nx-cloud` upwards from its own folder and would find the repository's.
 */
export const majorsFolder = (): string =>
  process.env['DTE_NX_MAJORS_DIR'] ??
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'dte-tests', 'nx-majors');

/**
 * The `node_modules` folder that contains this version of nx; installed on first use, without running scripts. Several
 * test processes may call it at once: each installs to a temporary folder, and one of them moves it into place. Throws
 * npm's error if it cannot be installed.
 */
export function nodeModulesOf(version: NxVersion): string {
  const folder = join(majorsFolder(), version);
  if (!isInstalled(folder)) {
    mkdirSync(majorsFolder(), { recursive: true });
    const fresh = mkdtempSync(`${folder}-`);
    writeFileSync(
      join(fresh, 'package.json'),
      JSON.stringify({ private: true, dependencies: { nx: version } }),
    );
    const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
    execFileSync('npm', args, { cwd: fresh, stdio: 'inherit' });
    try {
      renameSync(fresh, folder);
    } catch (error) {
      rmSync(fresh, { recursive: true });
      if (!isInstalled(folder)) throw error;
    }
  }
  return join(folder, 'node_modules');
}

const isInstalled = (folder: string): boolean => existsSync(join(folder, 'node_modules/nx/package.json'));
