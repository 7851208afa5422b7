const { join } = require('node:path');
const preset = require('../../../jest.preset.js');

const root = join(__dirname, '..', '..', '..');

/**
 * What a mutant has to get past: the specs and scenarios of the scheduler, those of `follow`, and whole sessions of the
 * simulation. The scheduler's own simulation takes too long for each of thousands of mutants, and so does counting its operations.
 */
module.exports = {
  ...preset,
  rootDir: root,
  testEnvironment: '@stryker-mutator/jest-runner/jest-env/node',
  testMatch: [
    '<rootDir>/packages/scheduler/src/**/*.spec.ts',
    '<rootDir>/packages/runner/src/follow/*.spec.ts',
    '<rootDir>/tools/lib/mutation/few-seeds.spec.cjs',
  ],
  testPathIgnorePatterns: ['/node_modules/', 'scheduler/src/(simulation\\.property|operations)\\.spec\\.ts$'],
  modulePathIgnorePatterns: ['/dist/', '/out-tsc/'],
};
