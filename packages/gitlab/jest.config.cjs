module.exports = { displayName: 'gitlab', preset: '../../jest.preset.js' };
