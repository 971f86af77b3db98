import { DIALECTS } from '../../harness/servers/databases';
import { type FaultPointRun, killAtEachPoint } from './fault-point-run';
import { FAULT_POINT_OPERATIONS, FAULT_POINTS, findCallSites } from './fault-points';

/** One start of the system per point takes minutes, more on a busy machine. */
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

test('transactions start only through Database.write, where fault points are instrumented', () => {
  const filesWith = (pattern: RegExp) => findCallSites(pattern).map((site) => site.split(':')[0]);
  // It holds a lock and writes nothing.
  expect(filesWith(/\.transaction\(/g)).toEqual(['db/core/named-lock.ts']);
  expect(filesWith(/[^.]\btransaction\(\w/g)).toEqual(['db/core/connect.ts', 'db/core/statements.ts']);
  expect(filesWith(/= createStatementExecutor\(/g)).toEqual(['db/core/connect.ts']);
});

describe.each(DIALECTS)('%s', (dialect) => {
  let run: FaultPointRun;
  beforeAll(async () => {
    run = (await runs.get(dialect)) as FaultPointRun;
  });

  test('the scenarios reach every activity and every transaction (add missing ones to fault-point-scenarios.ts)', () => {
    const missing = FAULT_POINT_OPERATIONS.filter((subject) => !run.reachedPoints.has(`${subject} after`));
    expect(missing).toEqual([]);
  });

  test('every reached point is a known activity or transaction', () => {
    expect([...run.reachedPoints].filter((point) => !FAULT_POINTS.includes(point))).toEqual([]);
  });

  test.each(FAULT_POINTS)('killed at %s, the scenario has the same outcome as without a kill', (point) => {
    const { crash, error } = run.killResults.get(point) ?? {};
    expect(crash).toEqual({ exit: { code: null, signal: 'SIGKILL' }, lastPoint: point });
    if (error !== undefined) throw error;
  });

  test('finally history, log, money and stock agree, and nothing was paid twice', () => {
    expect(run.findings).toEqual([]);
    expect(run.doublePayments).toEqual([]);
  });
});
