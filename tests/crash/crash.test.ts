import { findMariaDb } from '../harness/servers/mariadb';
import { runCommand } from './command';

jest.setTimeout(600_000);

const ZEROS = {
  lost: 0,
  doublePayments: 0,
  stockDrift: 0,
  moneyDrift: 0,
  chainBreaks: 0,
  stuck: 0,
  unsent: 0,
  findings: 0,
};
const ORDERS = 100;

const run = async (...args: string[]) => {
  const { code, report, stderr } = await runCommand(['--orders', String(ORDERS), '--seed', '1', ...args]);
  const { confirmed, rejected, cancelled } = report;
  // It names each problem.
  if (code !== 0) throw new Error(stderr);
  expect(report).toMatchObject({ ...ZEROS, placed: ORDERS });
  // Each of the ways an order can end was met, and every order has ended.
  expect(confirmed + rejected + cancelled).toBe(ORDERS);
  for (const count of [confirmed, rejected, cancelled]) expect(count).toBeGreaterThan(5);
  return report;
};

test.concurrent('nothing is lost, doubled or stuck while one process on SQLite, and all around it, is killed', async () => {
  const { kills } = await run('--database', 'sqlite', '--shape', 'one');
  expect(kills).toBeGreaterThanOrEqual(6);
});

(findMariaDb() ? test.concurrent : test.concurrent.skip)(
  'nothing is lost, doubled or stuck while several processes on MySQL, and all around them, are killed',
  async () => {
    const { kills } = await run('--database', 'mysql', '--shape', 'many');
    expect(kills).toBeGreaterThanOrEqual(12);
  },
);
