/** ESM-only packages that jest's CommonJS runtime must transform. */
const ESM_ONLY = ['nodemailer', 'smtp-server', 'postal-mime', 'ulid', 'eta', 'jose'];

const shared = {
  testEnvironment: 'node',
  transform: {
    '^.+\\.[mc]?[jt]s$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } },
    ],
  },
  transformIgnorePatterns: [`/node_modules/(?!(${ESM_ONLY.join('|')})/)`],
  testPathIgnorePatterns: ['/node_modules/', '/\\.data/', '/\\.cache/'],
  modulePathIgnorePatterns: ['<rootDir>/.data', '<rootDir>/.cache'],
};

const suite = (name, testMatch, extra = {}) => ({ ...shared, displayName: name, testMatch, ...extra });
const setup = {
  globalSetup: '<rootDir>/tests/harness/servers/global-setup.ts',
  globalTeardown: '<rootDir>/tests/harness/servers/global-teardown.ts',
};

/** One project per suite: `npx jest --selectProjects unit`. */
module.exports = {
  // Only ends hanging tests. Jest's default of 5 s is too short for servers on a busy machine.
  testTimeout: 180_000,
  projects: [
    suite('unit', ['<rootDir>/*/**/*.test.ts'], {
      testPathIgnorePatterns: [...shared.testPathIgnorePatterns, '<rootDir>/tests/[a-z]+/'],
    }),
    suite('database', ['<rootDir>/tests/database/**/*.test.ts'], setup),
    suite('workflow', ['<rootDir>/tests/workflow/**/*.test.ts'], setup),
    suite('verification', ['<rootDir>/tests/verification/**/*.test.ts'], setup),
    suite('replay', ['<rootDir>/tests/replay/**/*.test.ts']),
    suite('system', ['<rootDir>/tests/system/**/*.test.ts'], setup),
    suite('crash', ['<rootDir>/tests/crash/**/*.test.ts'], setup),
    // The deployment files, and the deployed processes.
    suite('deploy', ['<rootDir>/tests/deploy/*.test.ts'], {
      testPathIgnorePatterns: [...shared.testPathIgnorePatterns, '/processes\\.test\\.ts$'],
    }),
    suite('processes', ['<rootDir>/tests/deploy/processes.test.ts'], setup),
  ],
};
