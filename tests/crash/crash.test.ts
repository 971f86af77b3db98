import { findMariaDb } from '../harness/servers/mariadb';
import { runCrashCommand } from './crash-command';

jest.setTimeout(600_000);

const ZERO_COUNTERS = {
  lost: 0,
  doublePayments: 0,
  stockDrift: 0,
  moneyDrift: 0,
  chainBreaks: 0,
  stuck: 0,
  unsent: 0,
  findings: 0,
};
const ORDER_COUNT = 100;

const assertCleanRun = async (...args: string[]) => {
  const { code, report, stderr } = await runCrashCommand([
    '--orders',
    String(ORDER_COUNT),
    '--seed',
    '1',
    ...args,
  ]);
  const { confirmed, rejected, cancelled } = report;
  // stderr names each problem.
  if (code !== 0) throw new Error(stderr);
  expect(report).toMatchObject({ ...ZERO_COUNTERS, placed: ORDER_COUNT });
  // Every order is decided, and each outcome occurs.
  expect(confirmed + rejected + cancelled).toBe(ORDER_COUNT);
  for (const count of [confirmed, rejected, cancelled]) expect(count).toBeGreaterThan(5);
  return report;
};

test.concurrent('one process on SQLite and its servers are killed: nothing is lost, doubled or stuck', async () => {
  const { kills } = await assertCleanRun('--database', 'sqlite', '--shape', 'one');
  expect(kills).toBeGreaterThanOrEqual(6);
});

(findMariaDb() ? test.concurrent : test.concurrent.skip)(
  'several processes on MySQL and their servers are killed: nothing is lost, doubled or stuck',
  async () => {
    const { kills } = await assertCleanRun('--database', 'mysql', '--shape', 'many');
    expect(kills).toBeGreaterThanOrEqual(12);
  },
);
