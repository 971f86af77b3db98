import { DIALECTS } from '../harness/servers/databases';
import { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';
import { dropAppendOnlyTriggers, type FindingsBySubject, runVerification } from './verification-fixtures';

/** Alters stored data of its own orders or products. @returns exactly the expected findings. */
export type Tampering = (testEnv: WorkflowTestEnv) => Promise<FindingsBySubject>;

/** Applies all tamperings to one database, verifies once, and tests that there are exactly the expected findings. */
export function testTampering(tamperings: Record<string, Tampering>): void {
  describe.each(DIALECTS)('on %s', (dialect) => {
    let testEnv: WorkflowTestEnv;
    let findings: FindingsBySubject;
    const expected: Record<string, FindingsBySubject> = {};

    beforeAll(async () => {
      testEnv = await WorkflowTestEnv.create({ dialect });
      await dropAppendOnlyTriggers(testEnv);
      for (const [name, tamper] of Object.entries(tamperings)) expected[name] = await tamper(testEnv);
      findings = (await runVerification(testEnv)).findings;
    });
    afterAll(() => testEnv.close());

    test.each(Object.keys(tamperings))('%s', (name) => {
      const subjects = Object.keys(expected[name] ?? {});
      const actual = Object.fromEntries(subjects.map((subject) => [subject, findings[subject]]));
      expect(actual).toEqual(expected[name]);
    });

    test('there are no other findings', () => {
      const subjects = new Set(Object.values(expected).flatMap((bySubject) => Object.keys(bySubject)));
      expect(Object.entries(findings).filter(([subject]) => !subjects.has(subject))).toEqual([]);
    });
  });
}
