// npm run majors -- [version ...]
//
// Tests more versions of Nx than CI does for every commit: the canary, a plain and a distributed run in a real
// workspace, and what nx-compat relies on. Without arguments: the first, middle and last patch of each major and of the
// minors in which something changed. The last lines are a table; the exit code is 1 if a version fails. A scheduled
// pipeline runs it (.gitlab-ci.yml), so it finds problems of a patch release although nothing has changed here.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './lib/packages.mjs';
import { red } from './lib/terminal.mjs';

const VERSIONS = [
  '20.8.0',
  '20.8.1',
  '20.8.2',
  '20.8.4',
  '21.0.0',
  '21.3.12',
  '21.6.11',
  '22.0.0',
  '22.3.3',
  '22.6.5',
  '22.7.12',
  '23.0.0',
  '23.2.0',
  '23.3.2',
  '24.0.0',
  '24.0.2',
  '24.0.6',
];

const PHASES = {
  // Not host-batches: Nx's own messages about batches that crash or are stopped differ between the minors of 22.
  integration: [
    'nx-compat/integration/(facts|hashing|host-life|host-server|host-tasks|main-cache|remote-answers|streaming|subset)',
  ],
  e2e: ['nx-majors/(canary|distributed|laptop)'],
};

/** Version -> [passed, failed], from the titles of the tests. */
function countByVersion(versions) {
  const counts = new Map(versions.map((version) => [version, { passed: 0, failed: [] }]));
  for (const phase of Object.keys(PHASES)) {
    const { testResults } = JSON.parse(
      readFileSync(join(root, 'tmp', 'test-results', `${phase}.json`), 'utf8'),
    );
    for (const { fullName, status } of testResults.flatMap(({ assertionResults }) => assertionResults)) {
      const count = counts.get(versions.find((version) => fullName.includes(`nx ${version}`)));
      if (count === undefined) continue;
      if (status === 'passed') count.passed += 1;
      else if (status === 'failed') count.failed.push(fullName);
    }
  }
  return counts;
}

const versions = process.argv.length > 2 ? process.argv.slice(2) : VERSIONS;
const env = { ...process.env, TEST_NX_VERSIONS: versions.join(',') };
let failed = false;
for (const [phase, patterns] of Object.entries(PHASES)) {
  rmSync(join(root, 'tmp', 'test-results', `${phase}.json`), { force: true });
  const args = [join(root, 'tools', 'test.mjs'), `--only=${phase}`, ...patterns];
  failed = spawnSync(process.execPath, args, { cwd: root, env, stdio: 'inherit' }).status !== 0 || failed;
}
console.log('\nVersions of Nx');
for (const [version, count] of countByVersion(versions)) {
  // A version for which nothing ran was not tested.
  const ok = count.failed.length === 0 && count.passed > 0;
  failed ||= !ok;
  const line = `  ${version.padEnd(10)} ${count.passed} passed, ${count.failed.length} failed`;
  console.log(ok ? line : red(line));
  for (const title of count.failed) console.log(red(`      ${title}`));
}
process.exitCode = failed ? 1 : 0;
