// The packed packages as a user has them: in a folder of their own, installed from the tarballs, without development dependencies.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packAll } from '../../pack.mjs';

const TIMEOUT_MS = 300_000;

/**
 * @param {(installed: { folder: string, npm: string }) => T} action
 * @returns {Promise<T>}
 * @template T
 */
export async function withInstalledPackages(action) {
  const tarballs = await packAll();
  const folder = mkdtempSync(join(tmpdir(), 'dte-supply-'));
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  try {
    const dependencies = Object.fromEntries(
      Object.entries(tarballs).map(([name, path]) => [name, `file:${path}`]),
    );
    const manifest = { name: 'installed', version: '0.0.0', private: true, dependencies };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest, null, 2));
    // The tree alone: neither audit nor SBOM reads a file of a package. Peers (nx) are the user's own.
    const args = [
      'install',
      '--package-lock-only',
      '--ignore-scripts',
      '--legacy-peer-deps',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
    ];
    const { status, stderr, error } = spawnSync(npm, args, {
      cwd: folder,
      encoding: 'utf8',
      timeout: TIMEOUT_MS,
    });
    if (status !== 0)
      throw new Error(`npm install of the packed packages failed:\n${error?.message ?? stderr}`);
    return action({ folder, npm });
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}
