module.exports = { projects: ['<rootDir>/packages/*/jest.config.cjs', '<rootDir>/e2e/jest.config.cjs'] };
