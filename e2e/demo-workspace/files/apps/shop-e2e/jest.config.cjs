module.exports = {
  displayName: 'shop-e2e',
  testEnvironment: 'node',
  testMatch: ['**/src/**/*.spec.ts'],
  transform: {
    '^.+\\.ts$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, swcrc: false }],
  },
  // Every request waits for the services of a staging environment.
  testTimeout: 120_000,
};
