// Makes a clone ready to run: dependencies from the lockfile, then the build. Node builtins only, because a fresh clone
// has nothing else. `npm run demo`, `npm test` and `npm run bench` start here.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './lib/lock.mjs';

export const root = fileURLToPath(new URL('..', import.meta.url));

// Inside node_modules, so that removing node_modules removes it too. `npm ci` deletes the folder before it installs: an
// interrupted install leaves no stamp and is repeated.
const stampFile = join(root, 'node_modules', '.dte-bootstrap');

/**
 * @param {{ build?: boolean }} [options] `build: false` only installs.
 * @returns {Promise<void>} rejects if the installation or the build fails.
 */
export async function bootstrap({ build = true } = {}) {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20) throw new Error(`Node 20 or later is required. This is ${process.version}.`);
  await withLock('bootstrap', async () => {
    if (!isInstalled()) install();
  });
  if (build) {
    const { buildAll } = await import('./build.mjs');
    await buildAll();
  }
}

function isInstalled() {
  if (!existsSync(join(root, 'node_modules', 'typescript'))) return false;
  return existsSync(stampFile) ? readFileSync(stampFile, 'utf8') === lockfileDigest() : adoptInstall();
}

// A plain `npm install` or `npm ci` leaves no stamp. npm keeps its own copy of the lockfile; if that describes the same
// packages, there is nothing to do.
function adoptInstall() {
  try {
    const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
    const present = JSON.parse(
      readFileSync(join(root, 'node_modules', '.package-lock.json'), 'utf8'),
    ).packages;
    for (const [path, { version, optional, peer, link }] of Object.entries(wanted)) {
      if (!path.startsWith('node_modules/') || optional || peer || link) continue;
      if (present[path]?.version !== version) return false;
    }
  } catch {
    return false;
  }
  stamp();
  return true;
}

function install() {
  console.log('Installing dependencies (npm ci) ...');
  rmSync(stampFile, { force: true });
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const { status, error } = spawnSync(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`npm ci failed with exit code ${status}.`);
  stamp();
}

function stamp() {
  mkdirSync(join(root, 'node_modules'), { recursive: true });
  writeFileSync(stampFile, lockfileDigest());
}

function lockfileDigest() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await bootstrap().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
