module.exports = {
  displayName: 'nx-compat',
  preset: '../../jest.preset.js',
};
