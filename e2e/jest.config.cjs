const preset = require('../jest.preset.js');

// The end-to-end tests install the packed tarballs into workspaces of their own, so a slow test is minutes, not seconds, and
// many minutes where the machine is busy: what matters is what a test sees.
module.exports = {
  ...preset,
  displayName: 'e2e',
  testMatch: ['<rootDir>/*/**/*.test.ts'],
  // Files that a test or the demo puts into a workspace may be tests, but of that workspace.
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/.*/files/'],
  testTimeout: 900_000,
};
