// Compiles every package (incrementally), makes its requires lazy, copies files that are not TypeScript, and removes files without a source, so
// that dist, and with it the tarball, is always the same as after a clean build.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildPage } from './build-page.mjs';
import { hasEagerRequires, withLazyRequires } from './lib/lazy-requires.mjs';
import { withLock } from './lib/lock.mjs';
import { filesBelow, root, workspacePackages } from './lib/packages.mjs';

/** In `dist` of the report: its page, from sources outside `src`. */
const BUNDLE = /^bundle\//;
const COMPILED = /\.(d\.ts|js\.map|js)$/;

/** @returns {Promise<void>} rejects when a package does not compile. */
export async function buildAll() {
  await withLock('build', async () => {
    const packages = workspacePackages();
    for (const { path } of packages) removeOrphans(path);
    compile(packages);
    await buildPage();
    for (const { path, manifest } of packages) {
      makeLazy(path);
      copyAssets(path);
      for (const bin of Object.values(manifest.bin ?? {})) makeExecutable(join(path, bin));
    }
  });
}

function compile(packages) {
  const configs = packages.map(({ dir }) => `packages/${dir}/tsconfig.lib.json`);
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-b', ...configs], { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Error('The build failed: see the messages of tsc above.');
}

// A .ts inside the folder `files` of a generator is a template, not a source.
const isTemplate = (file) => /^generators\/.*\/files\//.test(file);
const isSource = (file) => file.endsWith('.ts') && !isTemplate(file);
const isOfTests = (file) => file.endsWith('.snap') || /(^|\/)test-support\//.test(file);
const assetsOf = (path) =>
  filesBelow(join(path, 'src')).filter((file) => !isSource(file) && !isOfTests(file));

function copyAssets(path) {
  for (const file of assetsOf(path)) {
    const [from, to] = [join(path, 'src', file), join(path, 'dist', file)];
    if (existsSync(to) && readFileSync(from).equals(readFileSync(to))) continue;
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(from, to);
  }
}

/** What tsc has written since: the rest is lazy already. */
function makeLazy(path) {
  for (const name of filesBelow(join(path, 'dist'))) {
    if (!name.endsWith('.js') || BUNDLE.test(name)) continue;
    const file = join(path, 'dist', name);
    const text = readFileSync(file, 'utf8');
    if (!hasEagerRequires(text)) continue;
    // A process that loads it meanwhile finds one or the other.
    writeFileSync(`${file}.new`, withLazyRequires(text));
    renameSync(`${file}.new`, file);
  }
}

function removeOrphans(path) {
  const assets = new Set(assetsOf(path));
  let removed = 0;
  for (const file of filesBelow(join(path, 'dist'))) {
    if (file.endsWith('.tsbuildinfo') || BUNDLE.test(file) || assets.has(file)) continue;
    if (COMPILED.test(file) && existsSync(join(path, 'src', file.replace(COMPILED, '.ts')))) continue;
    rmSync(join(path, 'dist', file));
    removed += 1;
  }
  // tsc relies on its own record of what it has written: with an intact record, an empty dist would stay empty.
  if (removed > 0 || !existsSync(join(path, 'dist', 'index.js'))) {
    rmSync(join(path, 'dist', 'tsconfig.lib.tsbuildinfo'), { force: true });
  }
}

function makeExecutable(file) {
  if (existsSync(file)) chmodSync(file, 0o755);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildAll().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
