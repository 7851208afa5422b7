// Runs publint and are-the-types-wrong on the packed tarballs, and checks that they contain nothing useless to users.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { publishablePackages, root } from './lib/packages.mjs';
import { packAll } from './pack.mjs';

// node16 skips the resolution of Node 10, which does not know subpath exports. Nx uses `.default` of the tasks runner
// that it requires, so the warning that an export is available only as `.default` is turned off in both tools.
const ATTW_OPTIONS = [
  '--profile',
  'node16',
  '--ignore-rules',
  'cjs-only-exports-default',
  '--format',
  'ascii',
];
const INTENDED = new Set(['CJS_WITH_ESMODULE_DEFAULT_EXPORT']);
const UNWANTED = [/\.spec\./, /\.tsbuildinfo$/, /(^|\/)test-support\//, /(^|\/)integration\//, /^src\//];
const WANTED = [/^package\.json$/, /^README\.md$/, /^LICENSE$/, /^dist\/index\.js$/, /^dist\/index\.d\.ts$/];

/** What npm's pages and the list of Nx plugins show of a package. */
function missingFacts({ manifest, dir }) {
  const problems = ['description', 'license', 'homepage', 'bugs']
    .filter((field) => manifest[field] === undefined)
    .map((field) => `package.json has no ${field}`);
  if (manifest.repository?.directory !== `packages/${dir}`)
    problems.push(`package.json: repository.directory is not packages/${dir}`);
  if (dir !== 'dte') return problems;
  if (!manifest.keywords?.includes('nx-plugin')) problems.push('package.json: keywords without nx-plugin');
  // A required peer breaks `npm install` in workspaces of Nx 20 and 22 that do not list @nx/devkit themselves.
  if (
    manifest.peerDependencies['@nx/devkit'] !== manifest.peerDependencies.nx ||
    manifest.peerDependenciesMeta?.['@nx/devkit']?.optional !== true
  )
    problems.push('package.json: @nx/devkit is not an optional peer with the range of nx');
  return problems;
}

/** Whoever depends on a package with a peer must pass the peer on: pnpm and Yarn in strict modes find it only then. */
function missingPeers({ manifest }, manifests) {
  const { dependencies = {}, peerDependencies = {} } = manifest;
  return Object.keys(dependencies).flatMap((name) => {
    const { peerDependencies: peers = {}, peerDependenciesMeta: meta = {} } = manifests.get(name) ?? {};
    return Object.keys(peers)
      .filter((peer) => !meta[peer]?.optional && !(peer in dependencies) && !(peer in peerDependencies))
      .map((peer) => `package.json: ${name} needs the peer ${peer}, which is not listed`);
  });
}

async function check(pkg, tarball, manifests) {
  const { manifest } = pkg;
  const bytes = readFileSync(tarball);
  const { messages } = await publint({
    strict: true,
    pack: { tarball: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) },
  });
  const problems = messages
    .filter(({ type, code }) => type !== 'suggestion' && !INTENDED.has(code))
    .map((message) => `publint: ${formatMessage(message, manifest)}`);
  problems.push(...missingFacts(pkg), ...missingPeers(pkg, manifests));

  const { stdout } = spawnSync('tar', ['-tzf', tarball], { encoding: 'utf8' });
  const files = stdout.split('\n').map((file) => file.replace(/^package\//, ''));
  for (const file of files)
    if (UNWANTED.some((pattern) => pattern.test(file))) problems.push(`must not be packed: ${file}`);
  for (const pattern of WANTED)
    if (!files.some((file) => pattern.test(file))) problems.push(`is missing: ${pattern.source}`);

  const attw = join(root, 'node_modules', '@arethetypeswrong', 'cli', 'dist', 'index.js');
  const types = spawnSync(process.execPath, [attw, tarball, ...ATTW_OPTIONS], { encoding: 'utf8' });
  if (types.status !== 0) problems.push(`attw:\n${types.stdout}${types.stderr}`);
  return problems;
}

async function checkAll() {
  const tarballs = await packAll();
  const packages = publishablePackages();
  const manifests = new Map(packages.map(({ manifest }) => [manifest.name, manifest]));
  for (const pkg of packages) {
    const problems = await check(pkg, tarballs[pkg.manifest.name], manifests);
    console.log(`${problems.length === 0 ? 'ok  ' : 'FAIL'} ${pkg.manifest.name}`);
    for (const problem of problems) console.log(`     ${problem}`);
    if (problems.length > 0) process.exitCode = 1;
  }
}

await checkAll().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
