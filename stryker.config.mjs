// npm run mutation [-- --mutate packages/scheduler/src/leases.ts]: changes the code in thousands of small ways and reports which changes
// no test notices (https://stryker-mutator.io). Takes hours for everything, so CI does not run it; name files with --mutate.
export default {
  mutate: [
    'packages/scheduler/src/**/*.ts',
    'packages/runner/src/follow/**/*.ts',
    '!packages/**/*.spec.ts',
    '!packages/**/test-support/**',
  ],
  testRunner: 'jest',
  jest: {
    projectType: 'custom',
    configFile: 'tools/lib/mutation/jest.config.cjs',
    enableFindRelatedTests: false,
  },
  coverageAnalysis: 'perTest',
  concurrency: 2,
  ignorePatterns: ['dist', 'out-tsc', 'tmp', 'e2e', 'canary', 'docs', 'templates', '.nx', '.git'],
  tempDirName: 'tmp/stryker',
  reporters: ['progress-append-only', 'clear-text', 'json'],
  jsonReporter: { fileName: 'tmp/mutation.json' },
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  disableTypeChecks: false,
  allowEmpty: true,
};
