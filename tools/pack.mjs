// Builds and packs every publishable package into tmp/tarballs, as `npm publish` would, and only if something that goes
// into the tarballs has changed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bootstrap } from './bootstrap.mjs';
import { withLock } from './lib/lock.mjs';
import { filesBelow, publishablePackages, root } from './lib/packages.mjs';

const tarballs = join(root, 'tmp', 'tarballs');
const indexFile = join(tarballs, 'index.json');

/**
 * @returns {Promise<Record<string, string>>} package name -> absolute path of its tarball. The file name contains the
 * digest of the contents: package managers cache a tarball by its path and would otherwise install an old one.
 */
export async function packAll() {
  await bootstrap();
  return withLock('pack', async () => {
    mkdirSync(tarballs, { recursive: true });
    const previous = readIndex();
    const index = {};
    for (const pkg of publishablePackages()) {
      const digest = digestOf(pkg);
      const known = previous[pkg.manifest.name];
      index[pkg.manifest.name] =
        known?.digest === digest && existsSync(join(tarballs, known.file))
          ? known
          : { digest, file: pack(pkg, digest) };
    }
    // Tests read the index while another process packs: it must be complete or missing.
    writeFileSync(`${indexFile}.new`, JSON.stringify(index, null, 2));
    renameSync(`${indexFile}.new`, indexFile);
    removeUnlisted(index, previous);
    return Object.fromEntries(Object.entries(index).map(([name, { file }]) => [name, join(tarballs, file)]));
  });
}

function readIndex() {
  if (!existsSync(indexFile)) return {};
  return JSON.parse(readFileSync(indexFile, 'utf8'));
}

const NOT_PACKED = new Set([
  'node_modules',
  'src',
  'integration',
  'test',
  'out-tsc',
  'coverage',
  'scenarios',
  'golden',
]);

function digestOf({ path }) {
  const hash = createHash('sha256').update(readFileSync(join(root, 'LICENSE')));
  for (const file of filesBelow(path, (folder) => NOT_PACKED.has(folder))) {
    if (file.endsWith('.tsbuildinfo')) continue;
    hash.update(`${file}\0`).update(readFileSync(join(path, file)));
  }
  return hash.digest('hex').slice(0, 16);
}

function pack({ path, manifest }, digest) {
  // npm adds a LICENSE to the tarball only from the package's own folder.
  const licence = join(path, 'LICENSE');
  copyFileSync(join(root, 'LICENSE'), licence);
  try {
    const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
    const { status, stdout, stderr } = spawnSync(
      npm,
      ['pack', '--json', '--ignore-scripts', '--pack-destination', tarballs, '--loglevel=error'],
      { cwd: path, encoding: 'utf8', shell: process.platform === 'win32' },
    );
    if (status !== 0) throw new Error(`npm pack failed for ${manifest.name}:\n${stderr}`);
    const result = JSON.parse(stdout);
    const packed = join(
      tarballs,
      basename((Array.isArray(result) ? result[0] : Object.values(result)[0]).filename),
    );
    const target = packed.replace(/\.tgz$/, `-${digest}.tgz`);
    renameSync(packed, target);
    return basename(target);
  } finally {
    rmSync(licence, { force: true });
  }
}

// Another process may be installing from the previous index: its tarballs stay until the next change.
function removeUnlisted(...indexes) {
  const keep = new Set(indexes.flatMap((index) => Object.values(index)).map(({ file }) => file));
  for (const file of filesBelow(tarballs)) {
    if (file.endsWith('.tgz') && !keep.has(file)) rmSync(join(tarballs, file), { force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await packAll().then(
    (paths) => {
      for (const [name, path] of Object.entries(paths)) console.log(`${name}  ${path}`);
    },
    (error) => {
      console.error(error.message);
      process.exitCode = 1;
    },
  );
}
