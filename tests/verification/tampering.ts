import { DIALECTS } from '../harness/servers/databases';
import { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';
import { dropAppendOnlyTriggers, type FindingsBySubject, runVerification } from './verification-fixtures';

/** Something done behind the system's back, to orders of its own. @returns what the check must find, and no more. */
export type Tampering = (lab: WorkflowTestEnv) => Promise<FindingsBySubject>;

/**
 * Does all of it to one shop, checks once, and makes a test of each: it is found with the right code. Together they show
 * that nobody else is blamed.
 */
export function testTampering(damages: Record<string, Tampering>): void {
  describe.each(DIALECTS)('on %s', (dialect) => {
    let lab: WorkflowTestEnv;
    let found: FindingsBySubject;
    const expected: Record<string, FindingsBySubject> = {};

    beforeAll(async () => {
      lab = await WorkflowTestEnv.create({ dialect });
      await dropAppendOnlyTriggers(lab);
      for (const [name, damage] of Object.entries(damages)) expected[name] = await damage(lab);
      found = (await runVerification(lab)).blamed;
    });
    afterAll(() => lab.close());

    test.each(Object.keys(damages))('%s', (name) => {
      const subjects = Object.keys(expected[name] ?? {});
      const blamed = Object.fromEntries(subjects.map((subject) => [subject, found[subject]]));
      expect(blamed).toEqual(expected[name]);
    });

    test('nothing else is blamed', () => {
      const subjects = new Set(Object.values(expected).flatMap((blamed) => Object.keys(blamed)));
      expect(Object.entries(found).filter(([subject]) => !subjects.has(subject))).toEqual([]);
    });
  });
}
