const { join } = require('node:path');

const packages = join(__dirname, 'packages');

/** Unit tests run the sources of every package: no build is needed before `jest`. */
module.exports = {
  testEnvironment: 'node',
  // Machines are shared and slow at times: a test fails because of what it sees, not because of the clock.
  testTimeout: 120_000,
  testMatch: ['<rootDir>/src/**/*.spec.ts', '<rootDir>/integration/**/*.spec.ts'],
  // Nothing under dist or out-tsc may be found twice, neither as a test nor as a package.
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/out-tsc/'],
  moduleNameMapper: {
    '^@org/dte$': join(packages, 'dte/src/index.ts'),
    '^@org/dte-nx-compat/workspace-root$': join(packages, 'nx-compat/src/install/workspace-root.ts'),
    '^@org/dte-([a-z-]+)$': join(packages, '$1/src/index.ts'),
    '^@org/dte-([a-z-]+)/([a-z-]+)$': join(packages, '$1/src/$2/index.ts'),
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022', keepClassNames: true },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
        swcrc: false,
      },
    ],
  },
  moduleFileExtensions: ['ts', 'js', 'cjs', 'mjs', 'json', 'node'],
};
