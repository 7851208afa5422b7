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
    const packages = publishablePackages().map((pkg) => ({ ...pkg, digest: digestOf(pkg) }));
    const isKnown = ({ manifest, digest }) => {
      const known = previous[manifest.name];
      return known?.digest === digest && existsSync(join(tarballs, known.file));
    };
    const packed = pack(packages.filter((pkg) => !isKnown(pkg)));
    const index = Object.fromEntries(
      packages.map(({ manifest: { name }, digest }) => [
        name,
        packed.has(name) ? { digest, file: packed.get(name) } : previous[name],
      ]),
    );
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

/**
 * One npm for all of them: starting it takes longer than packing.
 * @returns {Map<string, string>} package name -> file
 */
function pack(packages) {
  if (packages.length === 0) return new Map();
  // npm adds a LICENSE to the tarball only from the package's own folder.
  const licences = packages.map(({ path }) => join(path, 'LICENSE'));
  for (const licence of licences) copyFileSync(join(root, 'LICENSE'), licence);
  try {
    const results = npmPack(packages.map(({ path }) => path));
    return new Map(
      packages.map(({ manifest: { name }, digest }) => {
        const result = results.find((candidate) => candidate.name === name);
        const packed = basename(result.filename);
        const file = packed.replace(/\.tgz$/, `-${digest}.tgz`);
        renameSync(join(tarballs, packed), join(tarballs, file));
        return [name, file];
      }),
    );
  } finally {
    for (const licence of licences) rmSync(licence, { force: true });
  }
}

function npmPack(folders) {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const options = ['--json', '--ignore-scripts', '--pack-destination', tarballs, '--loglevel=error'];
  const { status, stdout, stderr } = spawnSync(npm, ['pack', ...folders, ...options], {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error(`npm pack failed:\n${stderr}`);
  const result = JSON.parse(stdout);
  return Array.isArray(result) ? result : Object.values(result);
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
