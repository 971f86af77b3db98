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
  let lab: WorkflowTestEnv;
  let open: string;
  let closed: string;
  beforeAll(async () => {
    lab = await WorkflowTestEnv.create({ dialect });
    open = (await orderFixtures.confirmed(lab)).id;
    closed = (await orderFixtures.cancelledAfterPayment(lab)).id;
    await publishEvents(lab);
  });
  afterAll(() => lab.close());

  test('a log that is emptied is missed by every order', async () => {
    const expected: FindingsBySubject = {};
    for (const id of [open, closed]) {
      expected[id] = ['chain_broken', 'log_incomplete'];
      for (let seq = 1; seq <= (await lab.listEventTypes(id)).length; seq += 1) {
        expected[await describeFeedPosition(lab, id, seq)] = ['feed_mismatch'];
      }
    }
    // No trigger sees a TRUNCATE.
    if (dialect === 'sqlite') await dropAppendOnlyTriggers(lab);
    await executeSql(lab, dialect === 'sqlite' ? 'DELETE FROM events' : 'TRUNCATE TABLE events');

    expect((await runVerification(lab)).blamed).toEqual(expected);
  });

  test('a database that is emptied is missed by every workflow, and by the provider', async () => {
    if (dialect === 'mysql') await dropAppendOnlyTriggers(lab);
    for (const table of WIPED_TABLES) await executeSql(lab, `DELETE FROM ${table}`);

    expect((await runVerification(lab)).blamed).toEqual({
      [open]: ['order_missing', 'provider_mismatch'],
      [closed]: ['order_missing'],
    });
  });
});
