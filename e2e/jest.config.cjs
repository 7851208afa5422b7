const preset = require('../jest.preset.js');

// The end-to-end tests install the packed tarballs into workspaces of their own, so a slow test is minutes, not seconds.
module.exports = {
  ...preset,
  displayName: 'e2e',
  testMatch: ['<rootDir>/*/**/*.test.ts'],
  testTimeout: 300_000,
  maxWorkers: 1,
};
