import { spawnSync } from 'node:child_process';
import { type PackageManager } from '../../pipeline/options';

// In CI the lock file is frozen by default, and this install must change it.
const COMMANDS: Readonly<Record<PackageManager, readonly [string, ...string[]]>> = {
  npm: ['npm', 'install'],
  yarn: ['yarn', 'install'],
  'yarn-berry': ['yarn', 'install', '--no-immutable'],
  pnpm: ['pnpm', 'install', '--no-frozen-lockfile'],
  bun: ['bun', 'install', '--no-frozen-lockfile'],
};

/**
 * Updates node_modules and the lock file to match package.json. A failure is reported and undoes nothing that was
 * written; but while the alias is not installed, Nx 21 and later would look for the vendor's client instead.
 */
export function installPackages(root: string, packageManager: PackageManager): void {
  const [command, ...args] = COMMANDS[packageManager];
  const line = [command, ...args].join(' ');
  process.stdout.write(`\ndte: ${line}\n`);
  const { status } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status !== 0) {
    process.stderr.write(
      `dte: \`${line}\` failed: run it manually before the next nx command, and commit the lockfile\n`,
    );
  }
}
