module.exports = {
  displayName: 'nx-compat',
  preset: '../../jest.preset.js',
  // The integration tests start Nx in processes of their own, several at a time.
  testTimeout: 60_000,
};
