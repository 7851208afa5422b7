import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** One version of each supported major, the last of its line when this was written. */
export const NX_VERSIONS = ['20.8.4', '21.6.11', '22.7.12', '23.3.2', '24.0.6'] as const;

export type NxVersion = (typeof NX_VERSIONS)[number];

/** Where versions are kept between runs: a folder given by DTE_NX_MAJORS_DIR, or one of the repository's own. */
export const majorsFolder = (): string =>
  process.env['DTE_NX_MAJORS_DIR'] ?? resolve(__dirname, '../../../tmp/nx-majors');

/**
 * The `node_modules` folder that holds this version of nx; installed on first use, without running scripts.
 * Throws what npm reports when it cannot be installed.
 */
export function nodeModulesOf(version: NxVersion): string {
  const folder = join(majorsFolder(), version);
  const nodeModules = join(folder, 'node_modules');
  if (!existsSync(join(nodeModules, 'nx/package.json'))) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      join(folder, 'package.json'),
      JSON.stringify({ private: true, dependencies: { nx: version } }),
    );
    const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
    execFileSync('npm', args, { cwd: folder, stdio: 'inherit' });
  }
  return nodeModules;
}
