/** The parts of jest.config.js that tests/select-tests.ts reads. */
export declare const projects: readonly {
  readonly displayName: string;
  readonly testMatch: readonly string[];
  readonly testPathIgnorePatterns: readonly string[];
}[];
