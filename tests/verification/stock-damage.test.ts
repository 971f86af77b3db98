import { insert } from '../../db/core/sql';
import { movementId, openingMovementId } from '../../domain/shared/ids';
import { createWarehouse } from '../../services/inventory/warehouses';
import { adjust, byStaff, open, watch } from '../database/inventory/inventory';
import { DIALECTS } from '../harness/servers/databases';
import { Lab } from '../harness/workflow/lab';
import { type Damage, testDamages } from './damages';
import { audit, type Blamed, fitHead, orders, positionOf, publish, sql } from './shop';

/** A product with three adjustments in Berlin: two movements of each are told before and after the middle one. */
async function adjusted(lab: Lab, sku: string): Promise<string[]> {
  const ids: string[] = [];
  for (const delta of [5, -3, 4]) {
    ids.push((await adjust(lab.store, sku, { delta }, { note: 'counted by hand' })).movement.id);
  }
  return ids;
}

const alteredMovement =
  (sku: string, assignment: string): Damage =>
  async (lab) => {
    const [, id = ''] = await adjusted(lab, sku);
    await sql(lab, `UPDATE stock_movements SET ${assignment} WHERE movement_key = :id`, { id });
    return { [id]: ['movement_mismatch'] };
  };

/** Damages a product that has a threshold. */
const alteredItem =
  (sku: string, change: string): Damage =>
  async (lab) => {
    await watch(lab.store, sku, 5);
    await sql(lab, `${change} WHERE sku = :sku`, { sku });
    return { [sku]: ['threshold_mismatch'] };
  };

const alteredWarehouse =
  (code: string, change: string): Damage =>
  async (lab) => {
    const warehouse = { code, name: 'New', country: 'DE', active: true };
    await createWarehouse(lab.store, warehouse, byStaff());
    await open(lab.store, code, false);
    await sql(lab, `${change} WHERE code = :code`, { code });
    return { [code]: ['warehouse_mismatch'] };
  };

testDamages({
  'units on hand are altered where nothing was ever moved': async (lab) => {
    await sql(lab, "UPDATE stock SET on_hand = on_hand + 1 WHERE sku = 'oak-desk' AND warehouse = 'RTM'");
    return { 'oak-desk in RTM': ['stock_mismatch'] };
  },
  'units on hand are altered after adjustments': async (lab) => {
    await adjusted(lab, 'standing-desk');
    await sql(
      lab,
      "UPDATE stock SET on_hand = on_hand - 1 WHERE sku = 'standing-desk' AND warehouse = 'BER'",
    );
    return { 'standing-desk in BER': ['stock_mismatch'] };
  },
  'the stock of a product is deleted': async (lab) => {
    await adjusted(lab, 'folding-desk');
    await sql(lab, "DELETE FROM stock WHERE sku = 'folding-desk'");
    return { 'folding-desk in BER': ['stock_mismatch'], 'folding-desk in RTM': ['stock_mismatch'] };
  },
  'stock is inserted that nothing explains': async (lab) => {
    await insert(lab.store.db, 'stock', [{ sku: 'ghost', warehouse: 'BER', on_hand: 3, reserved: 0 }]);
    return { 'ghost in BER': ['movement_mismatch'] };
  },

  'the units of a movement are altered': alteredMovement('monitor-stand', 'on_hand_delta = -4'),
  'what a movement left is altered': alteredMovement('cable-tray', 'on_hand_after = on_hand_after + 1'),
  'the warehouse of a movement is altered': alteredMovement('task-chair', "warehouse = 'RTM'"),
  'the product of a movement is altered': alteredMovement('lounge-chair', "sku = 'dining-chair'"),
  'the reason of a movement is altered': alteredMovement('counter-stool', "reason = 'lost'"),
  'a movement is made an opening balance': alteredMovement('bookshelf', "reason = 'opening'"),
  'the note of a movement is altered': alteredMovement('wall-shelf', "note = 'all is well'"),
  'the note of a movement is removed': alteredMovement('coat-rack', 'note = NULL'),
  'the actor of a movement is altered': alteredMovement('desk-lamp', "actor = 'somebody'"),
  'the time of a movement is altered': alteredMovement('floor-lamp', 'at_ms = at_ms - 1'),

  'a movement in the middle is deleted': async (lab) => {
    const [, id = ''] = await adjusted(lab, 'pendant-lamp');
    await sql(lab, 'DELETE FROM stock_movements WHERE movement_key = :id', { id });
    return { [id]: ['movement_mismatch'] };
  },
  'the last movement is deleted together with its units': async (lab) => {
    const [, , id = ''] = await adjusted(lab, 'clip-lamp');
    await sql(lab, 'DELETE FROM stock_movements WHERE movement_key = :id', { id });
    await sql(lab, "UPDATE stock SET on_hand = on_hand - 4 WHERE sku = 'clip-lamp' AND warehouse = 'BER'");
    return { [id]: ['movement_mismatch'], 'clip-lamp in BER': ['stock_mismatch'] };
  },
  'all movements of a product are deleted': async (lab) => {
    const ids = await adjusted(lab, 'paper-lantern');
    await sql(lab, "DELETE FROM stock_movements WHERE sku = 'paper-lantern'");
    return {
      ...Object.fromEntries(ids.map((id): [string, Blamed[string]] => [id, ['movement_mismatch']])),
      [openingMovementId('paper-lantern', 'BER')]: ['movement_mismatch'],
      'paper-lantern in RTM': ['movement_mismatch'],
    };
  },
  'a movement is inserted together with its units': async (lab) => {
    await adjusted(lab, 'saucepan');
    const id = movementId('0'.repeat(26));
    await addMovement(lab, { movement_key: id, sku: 'saucepan', on_hand_delta: 2, on_hand_after: 908 });
    await sql(lab, "UPDATE stock SET on_hand = 908 WHERE sku = 'saucepan' AND warehouse = 'BER'");
    return { [id]: ['movement_mismatch'], 'saucepan in BER': ['stock_mismatch'] };
  },
  'an opening balance is altered after adjustments': async (lab) => {
    await adjusted(lab, 'chef-knife');
    const id = openingMovementId('chef-knife', 'BER');
    await sql(
      lab,
      'UPDATE stock_movements SET on_hand_delta = 1, on_hand_after = 1 WHERE movement_key = :id',
      { id },
    );
    return { [id]: ['movement_mismatch'] };
  },
  'a second opening balance is inserted': async (lab) => {
    await adjusted(lab, 'carafe');
    const id = 'opening:again';
    await addMovement(lab, {
      movement_key: id,
      sku: 'carafe',
      on_hand_delta: 1,
      on_hand_after: 1,
      reason: 'opening',
    });
    return { [id]: ['movement_mismatch'] };
  },

  'a threshold is altered': alteredItem('headphones', 'UPDATE stock_items SET threshold = 4'),
  'a product is made low': alteredItem('turntable', 'UPDATE stock_items SET low_since_ms = 1'),
  'the number of crossings is altered': alteredItem('wall-clock', 'UPDATE stock_items SET crossings = 7'),
  'the row that orders lock is deleted': alteredItem('wool-blanket', 'DELETE FROM stock_items'),

  'the name of a warehouse is altered': alteredWarehouse('W1', "UPDATE warehouses SET name = 'Other'"),
  'a closed warehouse is opened': alteredWarehouse('W2', 'UPDATE warehouses SET active = 1'),
  'the version of a warehouse is set back': alteredWarehouse('W3', 'UPDATE warehouses SET version = 1'),
  'the version of a warehouse is set ahead': alteredWarehouse('W4', 'UPDATE warehouses SET version = 9'),
  'a warehouse is deleted': alteredWarehouse('W5', 'DELETE FROM warehouses'),

  'an event of stock is altered': async (lab) => {
    await adjusted(lab, 'book-rooms');
    const stream = 'stock:book-rooms';
    const body = 'body = REPLACE(body, \'"onHandDelta":-3\', \'"onHandDelta":-2\')';
    await sql(lab, `UPDATE events SET ${body} WHERE stream = :stream AND seq = 2`, { stream });
    return { [stream]: ['chain_broken'] };
  },
  'an event of stock is deleted and the head made to fit': async (lab) => {
    const [, , id = ''] = await adjusted(lab, 'book-bread');
    const stream = 'stock:book-bread';
    await publish(lab);
    const position = await positionOf(lab, stream, 3);
    await sql(lab, 'DELETE FROM events WHERE stream = :stream AND seq = 3', { stream });
    await fitHead(lab, stream);
    return {
      [position]: ['feed_mismatch'],
      [id]: ['movement_mismatch'],
      'book-bread in BER': ['stock_mismatch'],
    };
  },
  'the head of a product is set back': async (lab) => {
    await adjusted(lab, 'coffee-decaf');
    const stream = 'stock:coffee-decaf';
    await sql(
      lab,
      `UPDATE event_streams SET seq = 2, hash = (SELECT hash FROM events WHERE stream = :stream AND seq = 2)
       WHERE stream = :stream`,
      { stream },
    );
    return { [stream]: ['chain_broken'] };
  },
  'the log of a product is emptied, and its head': async (lab) => {
    await adjusted(lab, 'book-light');
    const stream = 'stock:book-light';
    await publish(lab);
    const positions = await Promise.all([1, 2, 3].map((seq) => positionOf(lab, stream, seq)));
    const movements = await lab.store.movements.list({ sku: 'book-light', limit: 3 });
    await sql(lab, 'DELETE FROM events WHERE stream = :stream', { stream });
    await sql(lab, 'DELETE FROM event_streams WHERE stream = :stream', { stream });
    return {
      ...Object.fromEntries(positions.map((p): [string, Blamed[string]] => [p, ['feed_mismatch']])),
      ...Object.fromEntries(movements.map(({ id }): [string, Blamed[string]] => [id, ['movement_mismatch']])),
      'book-light in BER': ['stock_mismatch'],
    };
  },
});

const addMovement = (
  lab: Lab,
  movement: {
    movement_key: string;
    sku: string;
    on_hand_delta: number;
    on_hand_after: number;
    reason?: string;
  },
) =>
  insert(lab.store.db, 'stock_movements', [
    { warehouse: 'BER', reason: 'found', actor: 'system', at_ms: 1, ...movement },
  ]);

describe.each(DIALECTS)('on %s', (dialect) => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.open({ dialect });
  });
  afterAll(() => lab.close());

  test('an inventory that was worked with agrees, also while it is worked with and over many pages', async () => {
    await adjusted(lab, 'walnut-desk');
    await watch(lab.store, 'walnut-desk', 9_999);
    await orders.confirmed(lab, 'walnut-desk', 8);
    await orders.cancelledAfterPayment(lab, 'walnut-desk');
    await open(lab.store, 'RTM', false);
    await open(lab.store, 'RTM', true);
    for (let n = 0; n < 250; n += 1)
      await adjust(lab.store, 'stoneware-mug', { delta: n % 2 === 0 ? 1 : -1 });
    let audited = false;
    const working = (async () => {
      for (let n = 0; !audited && n < 500; n += 1) {
        await adjust(lab.store, 'walnut-desk', { delta: n % 2 === 0 ? -2_000 : 2_000 });
      }
    })();
    const { verified, blamed } = await audit(lab, undefined, { pauseMs: 100 });
    audited = true;
    await working;
    expect(blamed).toEqual({});
    expect(verified.streams).toBeGreaterThan(4);
  });

  test('a ledger that is emptied is missed by everything that it explained', async () => {
    const movements = await lab.store.movements.list({ sku: 'walnut-desk', limit: 1_000 });
    // No trigger sees a TRUNCATE.
    if (dialect === 'sqlite') await sql(lab, 'DROP TRIGGER stock_movements_no_delete');
    await sql(lab, dialect === 'sqlite' ? 'DELETE FROM stock_movements' : 'TRUNCATE TABLE stock_movements');

    const { blamed } = await audit(lab);

    expect(new Set(Object.values(blamed).flat())).toEqual(new Set(['movement_mismatch']));
    for (const { id, warehouse } of movements) {
      const subject = id.startsWith('opening') && warehouse === 'RTM' ? 'walnut-desk in RTM' : id;
      expect(blamed[subject]).toEqual(['movement_mismatch']);
    }
    expect(blamed['oak-desk in BER']).toEqual(['movement_mismatch']);
  });
});
