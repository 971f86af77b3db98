import { DIALECTS } from '../harness/servers/databases';
import { Lab } from '../harness/workflow/lab';
import { audit, type Blamed, dropGuards } from './shop';

/** Something done behind the system's back, to orders of its own. @returns what the check must find, and no more. */
export type Damage = (lab: Lab) => Promise<Blamed>;

/**
 * Does all of it to one shop, checks once, and makes a test of each: it is found with the right code. Together they show
 * that nobody else is blamed.
 */
export function testDamages(damages: Record<string, Damage>): void {
  describe.each(DIALECTS)('on %s', (dialect) => {
    let lab: Lab;
    let found: Blamed;
    const expected: Record<string, Blamed> = {};

    beforeAll(async () => {
      lab = await Lab.open({ dialect });
      await dropGuards(lab);
      for (const [name, damage] of Object.entries(damages)) expected[name] = await damage(lab);
      found = (await audit(lab)).blamed;
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
