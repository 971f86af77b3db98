import { DIALECTS } from '../../harness/servers/databases';
import { type FaultPointRun, killAtEachPoint } from './fault-point-run';
import { FAULT_POINT_OPERATIONS, FAULT_POINTS, findCallSites } from './fault-points';

/** A start of the system for each point: minutes, and more of them on a busy machine. */
jest.setTimeout(3_600_000);

const runs = new Map<string, Promise<FaultPointRun>>();
beforeAll(() => {
  for (const dialect of DIALECTS) {
    const run = killAtEachPoint(FAULT_POINTS, dialect);
    run.catch(() => undefined);
    runs.set(dialect, run);
  }
});
afterAll(async () => {
  await Promise.allSettled(runs.values());
});

test('transactions are begun through Database.write, where they are seen', () => {
  const filesWith = (pattern: RegExp) => findCallSites(pattern).map((site) => site.split(':')[0]);
  // It holds a lock while others work, and changes nothing.
  expect(filesWith(/\.transaction\(/g)).toEqual(['db/core/named-lock.ts']);
  expect(filesWith(/[^.]\btransaction\(\w/g)).toEqual(['db/core/connect.ts', 'db/core/statements.ts']);
  expect(filesWith(/= createStatementExecutor\(/g)).toEqual(['db/core/connect.ts']);
});

describe.each(DIALECTS)('%s', (dialect) => {
  let run: FaultPointRun;
  beforeAll(async () => {
    run = (await runs.get(dialect)) as FaultPointRun;
  });

  test('the scenarios reach every activity and every transaction: add to fault-point-scenarios.ts what is missing', () => {
    const missing = FAULT_POINT_OPERATIONS.filter((subject) => !run.reachedPoints.has(`${subject} after`));
    expect(missing).toEqual([]);
  });

  test('the list of activities and transactions has all that were reached', () => {
    expect([...run.reachedPoints].filter((point) => !FAULT_POINTS.includes(point))).toEqual([]);
  });

  test.each(FAULT_POINTS)('killed at %s, everything comes to the end it would have had', (point) => {
    const { crash, error } = run.killResults.get(point) ?? {};
    expect(crash).toEqual({ exit: { code: null, signal: 'SIGKILL' }, at: point });
    if (error !== undefined) throw error;
  });

  test('history, log, money and stock agree at last, and nothing was paid twice', () => {
    expect(run.findings).toEqual([]);
    expect(run.doublePayments).toEqual([]);
  });
});
