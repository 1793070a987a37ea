/** One runner for unit tests beside the code and booted tests under test/. */
export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/scripts/jest-strip-types.cjs' },
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: [
    '/node_modules/',
    '<rootDir>/sample/',
    '<rootDir>/.holdfast/',
    '<rootDir>/.cache/',
  ],
  modulePathIgnorePatterns: ['<rootDir>/sample/', '<rootDir>/.holdfast/', '<rootDir>/.cache/'],
  watchman: false,
  testTimeout: 60_000,
  maxWorkers: 2,
};
