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

/** Adjusts the stock of a product in Berlin three times. @returns the movement ids. */
async function createAdjustments(testEnv: WorkflowTestEnv, sku: string): Promise<string[]> {
  const ids: string[] = [];
  for (const delta of [5, -3, 4]) {
    ids.push(
      (await applyStockAdjustment(testEnv.store, sku, { delta }, { note: 'counted manually' })).movement.id,
    );
  }
  return ids;
}

const alterMovement =
  (sku: string, assignment: string): Tampering =>
  async (testEnv) => {
    const [, id = ''] = await createAdjustments(testEnv, sku);
    await executeSql(testEnv, `UPDATE stock_movements SET ${assignment} WHERE movement_key = :id`, { id });
    return { [id]: ['movement_mismatch'] };
  };

/** Sets a threshold, then alters the row of the product. */
const alterStockItem =
  (sku: string, change: string): Tampering =>
  async (testEnv) => {
    await setStockThreshold(testEnv.store, sku, 5);
    await executeSql(testEnv, `${change} WHERE sku = :sku`, { sku });
    return { [sku]: ['threshold_mismatch'] };
  };

const alterWarehouse =
  (code: string, change: string): Tampering =>
  async (testEnv) => {
    const warehouse = { code, name: 'New', country: 'DE', active: true };
    await createWarehouse(testEnv.store, warehouse, createStaffAuditContext());
    await setWarehouseActive(testEnv.store, code, false);
    await executeSql(testEnv, `${change} WHERE code = :code`, { code });
    return { [code]: ['warehouse_mismatch'] };
  };

testTampering({
  'units on hand are altered without any movement': async (testEnv) => {
    await executeSql(
      testEnv,
      "UPDATE stock SET on_hand = on_hand + 1 WHERE sku = 'oak-desk' AND warehouse = 'RTM'",
    );
    return { 'oak-desk in RTM': ['stock_mismatch'] };
  },
  'units on hand are altered after adjustments': async (testEnv) => {
    await createAdjustments(testEnv, 'standing-desk');
    await executeSql(
      testEnv,
      "UPDATE stock SET on_hand = on_hand - 1 WHERE sku = 'standing-desk' AND warehouse = 'BER'",
    );
    return { 'standing-desk in BER': ['stock_mismatch'] };
  },
  'the stock of a product is deleted': async (testEnv) => {
    await createAdjustments(testEnv, 'folding-desk');
    await executeSql(testEnv, "DELETE FROM stock WHERE sku = 'folding-desk'");
    return { 'folding-desk in BER': ['stock_mismatch'], 'folding-desk in RTM': ['stock_mismatch'] };
  },
  'stock is inserted without a movement': async (testEnv) => {
    await insert(testEnv.store.db, 'stock', [{ sku: 'ghost', warehouse: 'BER', on_hand: 3, reserved: 0 }]);
    return { 'ghost in BER': ['movement_mismatch'] };
  },

  'the units of a movement are altered': alterMovement('monitor-stand', 'on_hand_delta = -4'),
  'the resulting units of a movement are altered': alterMovement(
    'cable-tray',
    'on_hand_after = on_hand_after + 1',
  ),
  'the warehouse of a movement is altered': alterMovement('task-chair', "warehouse = 'RTM'"),
  'the product of a movement is altered': alterMovement('lounge-chair', "sku = 'dining-chair'"),
  'the reason of a movement is altered': alterMovement('counter-stool', "reason = 'lost'"),
  'a movement is turned into an opening balance': alterMovement('bookshelf', "reason = 'opening'"),
  'the note of a movement is altered': alterMovement('wall-shelf', "note = 'all is well'"),
  'the note of a movement is removed': alterMovement('coat-rack', 'note = NULL'),
  'the actor of a movement is altered': alterMovement('desk-lamp', "actor = 'other'"),
  'the time of a movement is altered': alterMovement('floor-lamp', 'at_ms = at_ms - 1'),

  'a movement in the middle is deleted': async (testEnv) => {
    const [, id = ''] = await createAdjustments(testEnv, 'pendant-lamp');
    await executeSql(testEnv, 'DELETE FROM stock_movements WHERE movement_key = :id', { id });
    return { [id]: ['movement_mismatch'] };
  },
  'the last movement is deleted together with its units': async (testEnv) => {
    const [, , id = ''] = await createAdjustments(testEnv, 'clip-lamp');
    await executeSql(testEnv, 'DELETE FROM stock_movements WHERE movement_key = :id', { id });
    await executeSql(
      testEnv,
      "UPDATE stock SET on_hand = on_hand - 4 WHERE sku = 'clip-lamp' AND warehouse = 'BER'",
    );
    return { [id]: ['movement_mismatch'], 'clip-lamp in BER': ['stock_mismatch'] };
  },
  'all movements of a product are deleted': async (testEnv) => {
    const ids = await createAdjustments(testEnv, 'paper-lantern');
    await executeSql(testEnv, "DELETE FROM stock_movements WHERE sku = 'paper-lantern'");
    return {
      ...Object.fromEntries(
        ids.map((id): [string, FindingsBySubject[string]] => [id, ['movement_mismatch']]),
      ),
      [openingMovementId('paper-lantern', 'BER')]: ['movement_mismatch'],
      'paper-lantern in RTM': ['movement_mismatch'],
    };
  },
  'a movement is inserted together with its units': async (testEnv) => {
    await createAdjustments(testEnv, 'saucepan');
    const id = movementId('0'.repeat(26));
    await insertMovement(testEnv, {
      movement_key: id,
      sku: 'saucepan',
      on_hand_delta: 2,
      on_hand_after: 908,
    });
    await executeSql(testEnv, "UPDATE stock SET on_hand = 908 WHERE sku = 'saucepan' AND warehouse = 'BER'");
    return { [id]: ['movement_mismatch'], 'saucepan in BER': ['stock_mismatch'] };
  },
  'an opening balance is altered after adjustments': async (testEnv) => {
    await createAdjustments(testEnv, 'chef-knife');
    const id = openingMovementId('chef-knife', 'BER');
    await executeSql(
      testEnv,
      'UPDATE stock_movements SET on_hand_delta = 1, on_hand_after = 1 WHERE movement_key = :id',
      { id },
    );
    return { [id]: ['movement_mismatch'] };
  },
  'a second opening balance is inserted': async (testEnv) => {
    await createAdjustments(testEnv, 'carafe');
    const id = 'opening:again';
    await insertMovement(testEnv, {
      movement_key: id,
      sku: 'carafe',
      on_hand_delta: 1,
      on_hand_after: 1,
      reason: 'opening',
    });
    return { [id]: ['movement_mismatch'] };
  },

  'a threshold is altered': alterStockItem('headphones', 'UPDATE stock_items SET threshold = 4'),
  'a product is marked as low': alterStockItem('turntable', 'UPDATE stock_items SET low_since_ms = 1'),
  'the number of stock alerts is altered': alterStockItem(
    'wall-clock',
    'UPDATE stock_items SET crossings = 7',
  ),
  'the stock item row is deleted': alterStockItem('wool-blanket', 'DELETE FROM stock_items'),

  'the name of a warehouse is altered': alterWarehouse('W1', "UPDATE warehouses SET name = 'Other'"),
  'a closed warehouse is opened': alterWarehouse('W2', 'UPDATE warehouses SET active = 1'),
  'the version of a warehouse is decreased': alterWarehouse('W3', 'UPDATE warehouses SET version = 1'),
  'the version of a warehouse is increased': alterWarehouse('W4', 'UPDATE warehouses SET version = 9'),
  'a warehouse is deleted': alterWarehouse('W5', 'DELETE FROM warehouses'),

  'a stock event is altered': async (testEnv) => {
    await createAdjustments(testEnv, 'book-rooms');
    const stream = 'stock:book-rooms';
    const body = 'body = REPLACE(body, \'"onHandDelta":-3\', \'"onHandDelta":-2\')';
    await executeSql(testEnv, `UPDATE events SET ${body} WHERE stream = :stream AND seq = 2`, { stream });
    return { [stream]: ['chain_broken'] };
  },
  'a stock event is deleted and the head adjusted': async (testEnv) => {
    const [, , id = ''] = await createAdjustments(testEnv, 'book-bread');
    const stream = 'stock:book-bread';
    await publishEvents(testEnv);
    const position = await describeFeedPosition(testEnv, stream, 3);
    await executeSql(testEnv, 'DELETE FROM events WHERE stream = :stream AND seq = 3', { stream });
    await recomputeStreamHead(testEnv, stream);
    return {
      [position]: ['feed_mismatch'],
      [id]: ['movement_mismatch'],
      'book-bread in BER': ['stock_mismatch'],
    };
  },
  'the head of a stock stream is rewound': async (testEnv) => {
    await createAdjustments(testEnv, 'coffee-decaf');
    const stream = 'stock:coffee-decaf';
    await executeSql(
      testEnv,
      `UPDATE event_streams SET seq = 2, hash = (SELECT hash FROM events WHERE stream = :stream AND seq = 2)
       WHERE stream = :stream`,
      { stream },
    );
    return { [stream]: ['chain_broken'] };
  },
  'all stock events of a product and their head are deleted': async (testEnv) => {
    await createAdjustments(testEnv, 'book-light');
    const stream = 'stock:book-light';
    await publishEvents(testEnv);
    const positions = await Promise.all([1, 2, 3].map((seq) => describeFeedPosition(testEnv, stream, seq)));
    const movements = await testEnv.store.movements.list({ sku: 'book-light', limit: 3 });
    await executeSql(testEnv, 'DELETE FROM events WHERE stream = :stream', { stream });
    await executeSql(testEnv, 'DELETE FROM event_streams WHERE stream = :stream', { stream });
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
  testEnv: WorkflowTestEnv,
  movement: {
    movement_key: string;
    sku: string;
    on_hand_delta: number;
    on_hand_after: number;
    reason?: string;
  },
) =>
  insert(testEnv.store.db, 'stock_movements', [
    { warehouse: 'BER', reason: 'found', actor: 'system', at_ms: 1, ...movement },
  ]);

describe.each(DIALECTS)('on %s', (dialect) => {
  let testEnv: WorkflowTestEnv;
  beforeAll(async () => {
    testEnv = await WorkflowTestEnv.create({ dialect });
  });
  afterAll(() => testEnv.close());

  test('finds nothing in an inventory during changes, over several pages', async () => {
    await createAdjustments(testEnv, 'walnut-desk');
    await setStockThreshold(testEnv.store, 'walnut-desk', 9_999);
    await orderFixtures.confirmed(testEnv, 'walnut-desk', 8);
    await orderFixtures.cancelledAfterPayment(testEnv, 'walnut-desk');
    await setWarehouseActive(testEnv.store, 'RTM', false);
    await setWarehouseActive(testEnv.store, 'RTM', true);
    for (let n = 0; n < 250; n += 1)
      await applyStockAdjustment(testEnv.store, 'stoneware-mug', { delta: n % 2 === 0 ? 1 : -1 });
    let isVerified = false;
    const adjusting = (async () => {
      for (let n = 0; !isVerified && n < 500; n += 1) {
        await applyStockAdjustment(testEnv.store, 'walnut-desk', { delta: n % 2 === 0 ? -2_000 : 2_000 });
      }
    })();
    const { summary, findings } = await runVerification(testEnv, undefined, { pauseMs: 100 });
    isVerified = true;
    await adjusting;
    expect(findings).toEqual({});
    expect(summary.streams).toBeGreaterThan(4);
  });

  test('reports every stock row and event without a movement after the movements are deleted', async () => {
    const movements = await testEnv.store.movements.list({ sku: 'walnut-desk', limit: 1_000 });
    // TRUNCATE fires no trigger.
    if (dialect === 'sqlite') await executeSql(testEnv, 'DROP TRIGGER stock_movements_no_delete');
    await executeSql(
      testEnv,
      dialect === 'sqlite' ? 'DELETE FROM stock_movements' : 'TRUNCATE TABLE stock_movements',
    );

    const { findings } = await runVerification(testEnv);

    expect(new Set(Object.values(findings).flat())).toEqual(new Set(['movement_mismatch']));
    for (const { id, warehouse } of movements) {
      const subject = id.startsWith('opening') && warehouse === 'RTM' ? 'walnut-desk in RTM' : id;
      expect(findings[subject]).toEqual(['movement_mismatch']);
    }
    expect(findings['oak-desk in BER']).toEqual(['movement_mismatch']);
  });
});
