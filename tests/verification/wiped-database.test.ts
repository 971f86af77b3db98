import { DIALECTS } from '../harness/servers/databases';
import { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';
import {
  describeFeedPosition,
  dropAppendOnlyTriggers,
  executeSql,
  type FindingsBySubject,
  orderFixtures,
  publishEvents,
  runVerification,
} from './verification-fixtures';

const WIPED_TABLES = [
  'order_lines',
  'orders',
  'event_streams',
  'event_feed',
  'event_outbox',
  'payment_ledger',
  'reservations',
  'stock',
  'stock_items',
  'stock_movements',
  'warehouses',
];

describe.each(DIALECTS)('on %s', (dialect) => {
  let testEnv: WorkflowTestEnv;
  let open: string;
  let closed: string;
  beforeAll(async () => {
    testEnv = await WorkflowTestEnv.create({ dialect });
    open = (await orderFixtures.confirmed(testEnv)).id;
    closed = (await orderFixtures.cancelledAfterPayment(testEnv)).id;
    await publishEvents(testEnv);
  });
  afterAll(() => testEnv.close());

  test('reports every order and feed position after the log is deleted', async () => {
    const expected: FindingsBySubject = {};
    for (const id of [open, closed]) {
      expected[id] = ['chain_broken', 'log_incomplete'];
      for (let seq = 1; seq <= (await testEnv.listEventTypes(id)).length; seq += 1) {
        expected[await describeFeedPosition(testEnv, id, seq)] = ['feed_mismatch'];
      }
    }
    // TRUNCATE fires no trigger.
    if (dialect === 'sqlite') await dropAppendOnlyTriggers(testEnv);
    await executeSql(testEnv, dialect === 'sqlite' ? 'DELETE FROM events' : 'TRUNCATE TABLE events');

    expect((await runVerification(testEnv)).findings).toEqual(expected);
  });

  test('reports every workflow and payment after all tables are deleted', async () => {
    if (dialect === 'mysql') await dropAppendOnlyTriggers(testEnv);
    for (const table of WIPED_TABLES) await executeSql(testEnv, `DELETE FROM ${table}`);

    expect((await runVerification(testEnv)).findings).toEqual({
      [open]: ['order_missing', 'provider_mismatch'],
      [closed]: ['order_missing'],
    });
  });
});
