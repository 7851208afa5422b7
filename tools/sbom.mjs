// npm run sbom [-- --check]: writes tmp/sbom.cdx.json, a CycloneDX document of everything that is installed with the packed packages.
// With --check, or in CI, it fails if the document is not one, or lacks a package of ours or a dependency that they name.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { publishablePackages, root } from './lib/packages.mjs';
import { withInstalledPackages } from './lib/supply/installed.mjs';
import { sbomProblems } from './lib/supply/sbom-problems.mjs';

const TIMEOUT_MS = 120_000;
const target = join(root, 'tmp', 'sbom.cdx.json');

const text = await withInstalledPackages(({ folder, npm }) => {
  const args = [
    'sbom',
    '--sbom-format=cyclonedx',
    '--sbom-type=application',
    '--omit=dev',
    '--package-lock-only',
    '--legacy-peer-deps',
  ];
  const { status, stdout, stderr } = spawnSync(npm, args, {
    cwd: folder,
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`npm sbom failed:\n${stderr}`);
  return stdout;
});
mkdirSync(join(root, 'tmp'), { recursive: true });
writeFileSync(target, text);

const document = JSON.parse(text);
const manifests = publishablePackages().map(({ manifest }) => manifest);
const problems = sbomProblems(document, manifests);
for (const problem of problems) console.log(`  ${problem}`);
console.log(`${target}: CycloneDX ${document.specVersion}, ${document.components?.length ?? 0} components`);
process.exitCode = problems.length === 0 ? 0 : 1;
