// Programs of the operating system that the tests need and npm cannot install: gitlab-ci-local copies clones with rsync, and
// the report's page is opened in chromium. Missing programs are installed if that needs no prompt: on Debian and Ubuntu, as
// root or with a sudo without password. `.ci/run` and e2e/gitlab call this; it does nothing if all programs are installed.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { withLock } from './lib/lock.mjs';

const PACKAGES = { rsync: 'rsync', chromium: 'chromium' };
/** Another process may be installing something. */
const DPKG_WAIT_S = 120;

const runs = (command, args = ['--version']) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;
const missing = () => Object.keys(PACKAGES).filter((command) => !runs(command));

/** @throws Error naming what is missing and how to install it */
export async function ensureSystemPackages() {
  if (missing().length === 0) return;
  await withLock('system-packages', async () => {
    const packages = missing().map((command) => PACKAGES[command]);
    if (packages.length === 0) return;
    const cure = `Install ${packages.join(', ')} with the package manager of this system (apt-get install ${packages.join(' ')}).`;
    const root = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
    if (!runs('apt-get') || (root.length > 0 && !runs('sudo', ['-n', 'true']))) throw new Error(cure);
    console.log(`Installing ${packages.join(', ')} (apt-get) ...`);
    const install = ['install', '--yes', '--no-install-recommends', ...packages];
    // The package lists may be missing (container images) or old: then they are updated, and the install is retried once.
    let last;
    for (const args of [install, ['update'], install]) if (missing().length > 0) last = aptGet(root, args);
    if (missing().length > 0) throw new Error(`${cure}\napt-get failed:\n${last.stdout}${last.stderr}`);
  });
}

function aptGet(root, args) {
  const [command, ...rest] = [...root, 'apt-get', '-qq', '-o', `DPkg::Lock::Timeout=${DPKG_WAIT_S}`, ...args];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync(command, rest, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await ensureSystemPackages().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
