// Installs the third-party tools of the demo's workspace while this repository is still installed and built: nothing
// here needs either.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from './lock.mjs';
import { root } from './packages.mjs';

const folder = join(root, 'tmp', 'demo-tools');

/**
 * @param {{ manifest: object, lockfile: string }} wanted
 * @returns {Promise<string>} a folder with package.json, lockfile and node_modules. Reused while both stay the same.
 */
export async function installTools({ manifest, lockfile }) {
  const digest = createHash('sha256').update(JSON.stringify(manifest)).update(lockfile).digest('hex');
  const target = join(folder, digest.slice(0, 12));
  await withLock('demo-tools', async () => {
    if (existsSync(target)) return;
    mkdirSync(folder, { recursive: true });
    for (const old of readdirSync(folder)) rmSync(join(folder, old), { recursive: true, force: true });
    const unfinished = `${target}.unfinished`;
    mkdirSync(unfinished);
    writeFileSync(join(unfinished, 'package.json'), JSON.stringify(manifest));
    writeFileSync(join(unfinished, 'package-lock.json'), lockfile);
    await npmCi(unfinished);
    renameSync(unfinished, target);
  });
  return target;
}

async function npmCi(cwd) {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(INIT_CWD$|npm_(lifecycle|package)_)/.test(name)),
  );
  const flags = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const windows = process.platform === 'win32';
  const npm = spawn(windows ? 'npm.cmd' : 'npm', ['ci', ...flags], {
    cwd,
    env,
    shell: windows,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code] = await once(npm, 'close');
  if (code !== 0) throw new Error(`npm ci failed with exit code ${code} in ${cwd}.`);
}
