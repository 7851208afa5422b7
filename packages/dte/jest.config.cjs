module.exports = { displayName: 'dte', preset: '../../jest.preset.js' };
