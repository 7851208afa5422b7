const preset = require('../jest.preset.js');

// The end-to-end tests install the packed tarballs into workspaces of their own. A slow test takes minutes, not
// seconds, and many minutes on a busy machine: only what a test observes matters.
module.exports = {
  ...preset,
  displayName: 'e2e',
  testMatch: ['<rootDir>/*/**/*.test.ts'],
  // Files that a test or the demo puts into a workspace may be tests, but of that workspace.
  testPathIgnorePatterns: [
    '/node_modules/',
    '<rootDir>/.*/files/',
    // npm test -- --scheduled
    ...(process.env.TEST_SCHEDULED === 'true' ? [] : ['\\.scheduled\\.test\\.ts$']),
  ],
  testTimeout: 900_000,
};
