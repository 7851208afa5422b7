module.exports = { displayName: 'nx-cloud-shim', preset: '../../jest.preset.js' };
