module.exports = {
  displayName: 'dte',
  preset: '../../jest.preset.js',
  globalSetup: '<rootDir>/integration/build-first.cjs',
};
