// Order of jest's test files: the slowest start first, so that none of them is left running alone at the end. Jest's
// own order needs records of earlier runs, which a fresh clone does not have; otherwise, it uses file sizes.
const { statSync } = require('node:fs');

/** Parts of paths, the slowest first; all others start after these, the largest first. */
const SLOWEST = [
  'e2e/parity/plugins',
  'e2e/nx-majors/distributed',
  'e2e/gitlab/pipeline',
  'e2e/faults/agent-lost',
  'e2e/parity/tool',
  'e2e/gitlab/workspaces',
  'e2e/parity/commands',
  'e2e/faults/coordinator-lost',
  'e2e/docs/tutorial',
  'e2e/nx-majors/plan',
  'e2e/distribution/session',
  'e2e/parity/servers',
  'e2e/gitlab/own-pipeline',
  'e2e/nx-majors/generators',
  'e2e/faults/chaos',
  'e2e/parity/batches',
  'dte/integration/gitlab-sessions',
  'nx-compat/integration/host-tasks',
  'scheduler/src/simulation.property',
  'nx-compat/integration/',
  'scheduler/src/operations',
  'dte/integration/',
  'coordinator/integration/',
];

function rank({ path }) {
  const index = SLOWEST.findIndex((part) => path.includes(`/${part}`));
  return index < 0 ? SLOWEST.length : index;
}
const size = ({ path }) => statSync(path).size;

module.exports = class SlowFirst {
  sort(tests) {
    return [...tests].sort((left, right) => rank(left) - rank(right) || size(right) - size(left));
  }
  shard(tests) {
    return tests;
  }
  allFailedTests(tests) {
    return tests;
  }
  cacheResults() {}
};
