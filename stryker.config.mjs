// npm run mutation [-- --mutate packages/scheduler/src/leases.ts]: changes the code in thousands of small ways and reports which changes
// no test notices (https://stryker-mutator.io). CI does not run it; name files with --mutate.
export default {
  mutate: [
    'packages/scheduler/src/**/*.ts',
    'packages/runner/src/follow/**/*.ts',
    '!packages/**/*.spec.ts',
    '!packages/**/test-support/**',
  ],
  plugins: ['./tools/lib/mutation/in-process.mjs'],
  testRunner: 'in-process',
  coverageAnalysis: 'perTest',
  ignoreStatic: true,
  concurrency: 1,
  ignorePatterns: ['dist', 'out-tsc', 'tmp', 'e2e', 'canary', 'docs', 'templates', '.nx', '.git'],
  tempDirName: 'tmp/stryker',
  reporters: ['progress-append-only', 'clear-text', 'json'],
  jsonReporter: { fileName: 'tmp/mutation.json' },
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  disableTypeChecks: false,
  allowEmpty: true,
};
