import { insert } from '../../db/core/sql';
import { movementId, openingMovementId } from '../../domain/shared/ids';
import { createWarehouse } from '../../services/inventory/warehouses';
import {
  applyStockAdjustment,
  createStaffAuditContext,
  setStockThreshold,
  setWarehouseActive,
} from '../database/inventory/inventory';
import { DIALECTS } from '../harness/servers/databases';
import { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';
import { type Tampering, testTampering } from './tampering';
import {
  describeFeedPosition,
  executeSql,
  type FindingsBySubject,
  orderFixtures,
  publishEvents,
  recomputeStreamHead,
  runVerification,
} from './verification-fixtures';

/** A product with three adjustments in Berlin: two movements of each are told before and after the middle one. */
async function createAdjustments(lab: WorkflowTestEnv, sku: string): Promise<string[]> {
  const ids: string[] = [];
  for (const delta of [5, -3, 4]) {
    ids.push(
      (await applyStockAdjustment(lab.store, sku, { delta }, { note: 'counted by hand' })).movement.id,
    );
  }
  return ids;
}

const alterMovement =
  (sku: string, assignment: string): Tampering =>
  async (lab) => {
    const [, id = ''] = await createAdjustments(lab, sku);
    await executeSql(lab, `UPDATE stock_movements SET ${assignment} WHERE movement_key = :id`, { id });
    return { [id]: ['movement_mismatch'] };
  };

/** Damages a product that has a threshold. */
const alterStockItem =
  (sku: string, change: string): Tampering =>
  async (lab) => {
    await setStockThreshold(lab.store, sku, 5);
    await executeSql(lab, `${change} WHERE sku = :sku`, { sku });
    return { [sku]: ['threshold_mismatch'] };
  };

const alterWarehouse =
  (code: string, change: string): Tampering =>
  async (lab) => {
    const warehouse = { code, name: 'New', country: 'DE', active: true };
    await createWarehouse(lab.store, warehouse, createStaffAuditContext());
    await setWarehouseActive(lab.store, code, false);
    await executeSql(lab, `${change} WHERE code = :code`, { code });
    return { [code]: ['warehouse_mismatch'] };
  };

testTampering({
  'units on hand are altered where nothing was ever moved': async (lab) => {
    await executeSql(
      lab,
      "UPDATE stock SET on_hand = on_hand + 1 WHERE sku = 'oak-desk' AND warehouse = 'RTM'",
    );
    return { 'oak-desk in RTM': ['stock_mismatch'] };
  },
  'units on hand are altered after adjustments': async (lab) => {
    await createAdjustments(lab, 'standing-desk');
    await executeSql(
      lab,
      "UPDATE stock SET on_hand = on_hand - 1 WHERE sku = 'standing-desk' AND warehouse = 'BER'",
    );
    return { 'standing-desk in BER': ['stock_mismatch'] };
  },
  'the stock of a product is deleted': async (lab) => {
    await createAdjustments(lab, 'folding-desk');
    await executeSql(lab, "DELETE FROM stock WHERE sku = 'folding-desk'");
    return { 'folding-desk in BER': ['stock_mismatch'], 'folding-desk in RTM': ['stock_mismatch'] };
  },
  'stock is inserted that nothing explains': async (lab) => {
    await insert(lab.store.db, 'stock', [{ sku: 'ghost', warehouse: 'BER', on_hand: 3, reserved: 0 }]);
    return { 'ghost in BER': ['movement_mismatch'] };
  },

  'the units of a movement are altered': alterMovement('monitor-stand', 'on_hand_delta = -4'),
  'what a movement left is altered': alterMovement('cable-tray', 'on_hand_after = on_hand_after + 1'),
  'the warehouse of a movement is altered': alterMovement('task-chair', "warehouse = 'RTM'"),
  'the product of a movement is altered': alterMovement('lounge-chair', "sku = 'dining-chair'"),
  'the reason of a movement is altered': alterMovement('counter-stool', "reason = 'lost'"),
  'a movement is made an opening balance': alterMovement('bookshelf', "reason = 'opening'"),
  'the note of a movement is altered': alterMovement('wall-shelf', "note = 'all is well'"),
  'the note of a movement is removed': alterMovement('coat-rack', 'note = NULL'),
  'the actor of a movement is altered': alterMovement('desk-lamp', "actor = 'somebody'"),
  'the time of a movement is altered': alterMovement('floor-lamp', 'at_ms = at_ms - 1'),

  'a movement in the middle is deleted': async (lab) => {
    const [, id = ''] = await createAdjustments(lab, 'pendant-lamp');
    await executeSql(lab, 'DELETE FROM stock_movements WHERE movement_key = :id', { id });
    return { [id]: ['movement_mismatch'] };
  },
  'the last movement is deleted together with its units': async (lab) => {
    const [, , id = ''] = await createAdjustments(lab, 'clip-lamp');
    await executeSql(lab, 'DELETE FROM stock_movements WHERE movement_key = :id', { id });
    await executeSql(
      lab,
      "UPDATE stock SET on_hand = on_hand - 4 WHERE sku = 'clip-lamp' AND warehouse = 'BER'",
    );
    return { [id]: ['movement_mismatch'], 'clip-lamp in BER': ['stock_mismatch'] };
  },
  'all movements of a product are deleted': async (lab) => {
    const ids = await createAdjustments(lab, 'paper-lantern');
    await executeSql(lab, "DELETE FROM stock_movements WHERE sku = 'paper-lantern'");
    return {
      ...Object.fromEntries(
        ids.map((id): [string, FindingsBySubject[string]] => [id, ['movement_mismatch']]),
      ),
      [openingMovementId('paper-lantern', 'BER')]: ['movement_mismatch'],
      'paper-lantern in RTM': ['movement_mismatch'],
    };
  },
  'a movement is inserted together with its units': async (lab) => {
    await createAdjustments(lab, 'saucepan');
    const id = movementId('0'.repeat(26));
    await insertMovement(lab, { movement_key: id, sku: 'saucepan', on_hand_delta: 2, on_hand_after: 908 });
    await executeSql(lab, "UPDATE stock SET on_hand = 908 WHERE sku = 'saucepan' AND warehouse = 'BER'");
    return { [id]: ['movement_mismatch'], 'saucepan in BER': ['stock_mismatch'] };
  },
  'an opening balance is altered after adjustments': async (lab) => {
    await createAdjustments(lab, 'chef-knife');
    const id = openingMovementId('chef-knife', 'BER');
    await executeSql(
      lab,
      'UPDATE stock_movements SET on_hand_delta = 1, on_hand_after = 1 WHERE movement_key = :id',
      { id },
    );
    return { [id]: ['movement_mismatch'] };
  },
  'a second opening balance is inserted': async (lab) => {
    await createAdjustments(lab, 'carafe');
    const id = 'opening:again';
    await insertMovement(lab, {
      movement_key: id,
      sku: 'carafe',
      on_hand_delta: 1,
      on_hand_after: 1,
      reason: 'opening',
    });
    return { [id]: ['movement_mismatch'] };
  },

  'a threshold is altered': alterStockItem('headphones', 'UPDATE stock_items SET threshold = 4'),
  'a product is made low': alterStockItem('turntable', 'UPDATE stock_items SET low_since_ms = 1'),
  'the number of crossings is altered': alterStockItem('wall-clock', 'UPDATE stock_items SET crossings = 7'),
  'the row that orders lock is deleted': alterStockItem('wool-blanket', 'DELETE FROM stock_items'),

  'the name of a warehouse is altered': alterWarehouse('W1', "UPDATE warehouses SET name = 'Other'"),
  'a closed warehouse is opened': alterWarehouse('W2', 'UPDATE warehouses SET active = 1'),
  'the version of a warehouse is set back': alterWarehouse('W3', 'UPDATE warehouses SET version = 1'),
  'the version of a warehouse is set ahead': alterWarehouse('W4', 'UPDATE warehouses SET version = 9'),
  'a warehouse is deleted': alterWarehouse('W5', 'DELETE FROM warehouses'),

  'an event of stock is altered': async (lab) => {
    await createAdjustments(lab, 'book-rooms');
    const stream = 'stock:book-rooms';
    const body = 'body = REPLACE(body, \'"onHandDelta":-3\', \'"onHandDelta":-2\')';
    await executeSql(lab, `UPDATE events SET ${body} WHERE stream = :stream AND seq = 2`, { stream });
    return { [stream]: ['chain_broken'] };
  },
  'an event of stock is deleted and the head made to fit': async (lab) => {
    const [, , id = ''] = await createAdjustments(lab, 'book-bread');
    const stream = 'stock:book-bread';
    await publishEvents(lab);
    const position = await describeFeedPosition(lab, stream, 3);
    await executeSql(lab, 'DELETE FROM events WHERE stream = :stream AND seq = 3', { stream });
    await recomputeStreamHead(lab, stream);
    return {
      [position]: ['feed_mismatch'],
      [id]: ['movement_mismatch'],
      'book-bread in BER': ['stock_mismatch'],
    };
  },
  'the head of a product is set back': async (lab) => {
    await createAdjustments(lab, 'coffee-decaf');
    const stream = 'stock:coffee-decaf';
    await executeSql(
      lab,
      `UPDATE event_streams SET seq = 2, hash = (SELECT hash FROM events WHERE stream = :stream AND seq = 2)
       WHERE stream = :stream`,
      { stream },
    );
    return { [stream]: ['chain_broken'] };
  },
  'the log of a product is emptied, and its head': async (lab) => {
    await createAdjustments(lab, 'book-light');
    const stream = 'stock:book-light';
    await publishEvents(lab);
    const positions = await Promise.all([1, 2, 3].map((seq) => describeFeedPosition(lab, stream, seq)));
    const movements = await lab.store.movements.list({ sku: 'book-light', limit: 3 });
    await executeSql(lab, 'DELETE FROM events WHERE stream = :stream', { stream });
    await executeSql(lab, 'DELETE FROM event_streams WHERE stream = :stream', { stream });
    return {
      ...Object.fromEntries(
        positions.map((p): [string, FindingsBySubject[string]] => [p, ['feed_mismatch']]),
      ),
      ...Object.fromEntries(
        movements.map(({ id }): [string, FindingsBySubject[string]] => [id, ['movement_mismatch']]),
      ),
      'book-light in BER': ['stock_mismatch'],
    };
  },
});

const insertMovement = (
  lab: WorkflowTestEnv,
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
  let lab: WorkflowTestEnv;
  beforeAll(async () => {
    lab = await WorkflowTestEnv.create({ dialect });
  });
  afterAll(() => lab.close());

  test('an inventory that was worked with agrees, also while it is worked with and over many pages', async () => {
    await createAdjustments(lab, 'walnut-desk');
    await setStockThreshold(lab.store, 'walnut-desk', 9_999);
    await orderFixtures.confirmed(lab, 'walnut-desk', 8);
    await orderFixtures.cancelledAfterPayment(lab, 'walnut-desk');
    await setWarehouseActive(lab.store, 'RTM', false);
    await setWarehouseActive(lab.store, 'RTM', true);
    for (let n = 0; n < 250; n += 1)
      await applyStockAdjustment(lab.store, 'stoneware-mug', { delta: n % 2 === 0 ? 1 : -1 });
    let audited = false;
    const working = (async () => {
      for (let n = 0; !audited && n < 500; n += 1) {
        await applyStockAdjustment(lab.store, 'walnut-desk', { delta: n % 2 === 0 ? -2_000 : 2_000 });
      }
    })();
    const { verified, blamed } = await runVerification(lab, undefined, { pauseMs: 100 });
    audited = true;
    await working;
    expect(blamed).toEqual({});
    expect(verified.streams).toBeGreaterThan(4);
  });

  test('a ledger that is emptied is missed by everything that it explained', async () => {
    const movements = await lab.store.movements.list({ sku: 'walnut-desk', limit: 1_000 });
    // No trigger sees a TRUNCATE.
    if (dialect === 'sqlite') await executeSql(lab, 'DROP TRIGGER stock_movements_no_delete');
    await executeSql(
      lab,
      dialect === 'sqlite' ? 'DELETE FROM stock_movements' : 'TRUNCATE TABLE stock_movements',
    );

    const { blamed } = await runVerification(lab);

    expect(new Set(Object.values(blamed).flat())).toEqual(new Set(['movement_mismatch']));
    for (const { id, warehouse } of movements) {
      const subject = id.startsWith('opening') && warehouse === 'RTM' ? 'walnut-desk in RTM' : id;
      expect(blamed[subject]).toEqual(['movement_mismatch']);
    }
    expect(blamed['oak-desk in BER']).toEqual(['movement_mismatch']);
  });
});
