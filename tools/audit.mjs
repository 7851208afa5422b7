// npm run audit: known vulnerabilities in what users install with the packed packages: `npm audit --omit=dev` of a folder whose only
// dependencies are the tarballs. Three outcomes:
//
//   clean          exit code 0
//   vulnerable     exit code 1, with what is vulnerable
//   not audited    exit code 0, and the reason: the registry (a mirror, or one without network) offers no audit. Nobody knows then
//
// The peer dependency nx is the user's own: it is not part of what the packages bring.
import { spawnSync } from 'node:child_process';
import { auditOutcome } from './lib/supply/audit-outcome.mjs';
import { withInstalledPackages } from './lib/supply/installed.mjs';

const TIMEOUT_MS = 120_000;

const outcome = await withInstalledPackages(({ folder, npm }) => {
  const { stdout, stderr, status } = spawnSync(npm, ['audit', '--omit=dev', '--omit=peer', '--json'], {
    cwd: folder,
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
  });
  return auditOutcome({ stdout, stderr, status });
});
for (const line of outcome.lines) console.log(`  ${line}`);
console.log(`audit: ${outcome.verdict}`);
process.exitCode = outcome.verdict === 'vulnerable' ? 1 : 0;
