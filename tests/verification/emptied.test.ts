import { DIALECTS } from '../harness/servers/databases';
import { Lab } from '../harness/workflow/lab';
import { audit, type Blamed, dropGuards, orders, positionOf, publish, sql } from './shop';

const EMPTIED = [
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
  let lab: Lab;
  let open: string;
  let closed: string;
  beforeAll(async () => {
    lab = await Lab.open({ dialect });
    open = (await orders.confirmed(lab)).id;
    closed = (await orders.cancelledAfterPayment(lab)).id;
    await publish(lab);
  });
  afterAll(() => lab.close());

  test('a log that is emptied is missed by every order', async () => {
    const expected: Blamed = {};
    for (const id of [open, closed]) {
      expected[id] = ['chain_broken', 'log_incomplete'];
      for (let seq = 1; seq <= (await lab.story(id)).length; seq += 1) {
        expected[await positionOf(lab, id, seq)] = ['feed_mismatch'];
      }
    }
    // No trigger sees a TRUNCATE.
    if (dialect === 'sqlite') await dropGuards(lab);
    await sql(lab, dialect === 'sqlite' ? 'DELETE FROM events' : 'TRUNCATE TABLE events');

    expect((await audit(lab)).blamed).toEqual(expected);
  });

  test('a database that is emptied is missed by every workflow, and by the provider', async () => {
    if (dialect === 'mysql') await dropGuards(lab);
    for (const table of EMPTIED) await sql(lab, `DELETE FROM ${table}`);

    expect((await audit(lab)).blamed).toEqual({
      [open]: ['order_missing', 'provider_mismatch'],
      [closed]: ['order_missing'],
    });
  });
});
