import { relative } from 'node:path';
import { root } from './packages.mjs';

/** `packages/<area>/...` and `e2e/<area>/...`, with the kind of test if the file name shows it. */
function areaOf(file) {
  const path = relative(root, file).split('\\').join('/');
  const [top, name] = path.split('/');
  if (top === 'e2e') return `e2e/${name}`;
  const [, kind] = /\.(property|scenario|contract|golden|simulation)\.spec\.ts$/.exec(path) ?? [];
  return `${name} ${path.includes('/integration/') ? 'integration' : (kind ?? 'unit')}`;
}

function countSuite(suite) {
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const { status } of suite.assertionResults) {
    if (status === 'passed') count.passed += 1;
    else if (status === 'failed') count.failed += 1;
    else count.skipped += 1;
  }
  // A file that does not load has no results, and one that fails in afterAll has only passed ones.
  if (suite.status === 'failed' && count.failed === 0) count.failed = 1;
  return count;
}

const add = (sum, count) => {
  for (const key of ['passed', 'failed', 'skipped']) sum[key] += count[key];
  return sum;
};
const none = () => ({ passed: 0, failed: 0, skipped: 0 });

function areasOf(phases) {
  const areas = new Map();
  for (const { report } of phases) {
    for (const suite of report?.testResults ?? []) {
      const area = areaOf(suite.name);
      const entry = areas.get(area) ?? { ...none(), ms: 0 };
      add(entry, countSuite(suite)).ms += suite.endTime - suite.startTime;
      areas.set(area, entry);
    }
  }
  return [...areas].sort(([a], [b]) => a.localeCompare(b));
}

/** Passed, failed and skipped tests over all phases, and the number of problems outside tests. */
export function tally(phases) {
  const total = areasOf(phases).reduce((sum, [, count]) => add(sum, count), none());
  return { ...total, problems: phases.reduce((sum, { problems }) => sum + problems.length, 0) };
}

export function printSummary(phases, total) {
  const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
  console.log('\nTests by area');
  for (const [area, { passed, failed, skipped, ms }] of areasOf(phases)) {
    const parts = [`${passed} passed`, failed && `${failed} FAILED`, skipped && `${skipped} skipped`];
    console.log(`  ${area.padEnd(28)} ${parts.filter(Boolean).join(', ').padEnd(34)} ${seconds(ms)}`);
  }
  for (const { name, problems } of phases) {
    for (const problem of problems) console.log(`  ${name}: ${problem}`);
  }
  console.log(phases.map(({ name, durationMs }) => `${name} ${seconds(durationMs)}`).join(', '));
  console.log(
    `${total.passed} passed, ${total.failed} failed${total.skipped ? `, ${total.skipped} skipped` : ''}`,
  );
}
