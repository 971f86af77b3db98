import { insert } from '../../db/core/sql';
import { orderId } from '../../domain/shared/ids';
import type { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';
import { type Tampering, testTampering } from './tampering';
import {
  executeSql,
  type FindingsBySubject,
  orderFixtures,
  publishEvents,
  queryRow,
} from './verification-fixtures';

const alterOrder =
  (place: (testEnv: WorkflowTestEnv) => Promise<{ id: string }>, assignment: string): Tampering =>
  async (testEnv) => {
    const { id } = await place(testEnv);
    await executeSql(testEnv, `UPDATE orders SET ${assignment} WHERE id = :id`, { id });
    return { [id]: ['projection_mismatch'] };
  };

const deleteOrder =
  (place: (testEnv: WorkflowTestEnv) => Promise<{ id: string }>): Tampering =>
  async (testEnv) => {
    const { id } = await place(testEnv);
    await executeSql(testEnv, 'DELETE FROM orders WHERE id = :id', { id });
    return { [id]: ['order_missing', 'projection_mismatch'] };
  };

const alterOrderLines =
  (change: string): Tampering =>
  async (testEnv) => {
    const { id } = await orderFixtures.confirmed(testEnv);
    await executeSql(testEnv, `${change} WHERE order_id = :id`, { id });
    return { [id]: ['projection_mismatch'] };
  };

/** `ledgerOnly`: the provider's books still agree. */
const alterLedger =
  (change: string, { place = orderFixtures.confirmed, ledgerOnly = false } = {}): Tampering =>
  async (testEnv) => {
    const { id } = await place(testEnv);
    await executeSql(testEnv, `${change} AND order_id = :id`, { id });
    return { [id]: ledgerOnly ? ['money_mismatch'] : ['money_mismatch', 'provider_mismatch'] };
  };

const addLedgerEntry =
  (kind: string, amountMinor: number, intent: 'existing' | 'unknown'): Tampering =>
  async (testEnv) => {
    const { id } = await orderFixtures.confirmed(testEnv);
    const [captured] = (await testEnv.store.ledger.findByOrder(id)).filter((e) => e.kind === 'captured');
    await insert(testEnv.store.db, 'payment_ledger', [
      {
        entry_key: `${id}:pay:2:${kind}`,
        order_id: id,
        kind,
        amount_minor: amountMinor,
        currency: 'EUR',
        provider: 'stripe',
        intent_id: intent === 'existing' ? (captured?.intentId as string) : 'pi_unknown',
        recorded_at_ms: 0,
      },
    ]);
    return { [id]: ['money_mismatch', 'provider_mismatch'] };
  };

/** Each call uses a different product: findings name its stock, too. */
const alterReservation =
  (
    sku: string,
    change: string,
    place: (testEnv: WorkflowTestEnv, sku: string) => Promise<{ id: string }>,
  ): Tampering =>
  async (testEnv) => {
    const { id } = await place(testEnv, sku);
    const stock = await expectedStockFindings(testEnv, id);
    await executeSql(testEnv, `${change} WHERE order_id = :id`, { id });
    return { [id]: ['reservation_mismatch'], ...stock };
  };

async function expectedStockFindings(testEnv: WorkflowTestEnv, id: string): Promise<FindingsBySubject> {
  const { sku, warehouse } = await queryRow<{ sku: string; warehouse: string }>(
    testEnv,
    'SELECT sku, warehouse FROM reservations WHERE order_id = :id',
    { id },
  );
  return { [`${sku} in ${warehouse}`]: ['stock_mismatch'] };
}

const { confirmed, cancelledAfterPayment, cancelling } = orderFixtures;

testTampering({
  'the row of an order is deleted': deleteOrder(confirmed),
  'the row of a closed order is deleted': deleteOrder(cancelledAfterPayment),
  'an open order is marked as cancelled': alterOrder(confirmed, "status = 'cancelled'"),
  'a cancelled order is marked as confirmed': alterOrder(cancelledAfterPayment, "status = 'confirmed'"),
  'a rejected order is marked as confirmed': alterOrder(orderFixtures.declined, "status = 'confirmed'"),
  'the payment of an order is altered': alterOrder(cancelledAfterPayment, "payment = 'paid'"),
  'the fulfilment of an order is altered': alterOrder(confirmed, "fulfilment = 'shipped'"),
  'the total of an order is altered': alterOrder(confirmed, 'total_minor = total_minor - 1'),
  'the tax of an order is altered': alterOrder(confirmed, 'tax_minor = 0'),
  'the currency of an order is altered': alterOrder(confirmed, "currency = 'USD'"),
  'the customer of an order is altered': alterOrder(confirmed, "customer_id = 'cus_other'"),
  'the version of an order is altered': alterOrder(confirmed, 'version = version + 1'),
  'the time of an order is altered': alterOrder(confirmed, 'placed_at_ms = placed_at_ms + 1'),
  'the reason of a cancellation is altered': alterOrder(
    cancelledAfterPayment,
    "cancellation = REPLACE(cancellation, 'my mind', 'his mind')",
  ),
  'the reason of a cancellation is removed': alterOrder(cancelledAfterPayment, 'cancellation = NULL'),
  'the rejection of an order is altered': alterOrder(
    orderFixtures.outOfStock,
    "rejection = REPLACE(rejection, 'out_of_stock', 'payment_declined')",
  ),
  'the attention of an order is removed': alterOrder(cancelling, 'attention = NULL'),
  'the quantity of a line is altered': alterOrderLines('UPDATE order_lines SET quantity = 2'),
  'the price of a line is altered': alterOrderLines('UPDATE order_lines SET unit_price_minor = 1'),
  'a line is deleted': alterOrderLines('DELETE FROM order_lines'),

  'a capture is deleted from the ledger': alterLedger("DELETE FROM payment_ledger WHERE kind = 'captured'"),
  'a refund is deleted from the ledger': alterLedger("DELETE FROM payment_ledger WHERE kind = 'refunded'", {
    place: cancelledAfterPayment,
  }),
  'an intent is deleted from the ledger': alterLedger("DELETE FROM payment_ledger WHERE kind = 'intent'", {
    ledgerOnly: true,
  }),
  'a decline is deleted from the ledger': alterLedger("DELETE FROM payment_ledger WHERE kind = 'declined'", {
    place: orderFixtures.declined,
    ledgerOnly: true,
  }),
  'the amount of a capture is altered': alterLedger(
    "UPDATE payment_ledger SET amount_minor = amount_minor - 1 WHERE kind = 'captured'",
  ),
  'the amount of an intent is altered': alterLedger(
    "UPDATE payment_ledger SET amount_minor = amount_minor + 1 WHERE kind = 'intent'",
    { ledgerOnly: true },
  ),
  'the currency of a capture is altered': alterLedger(
    "UPDATE payment_ledger SET currency = 'USD' WHERE kind = 'captured'",
    { ledgerOnly: true },
  ),
  'the intent of a capture is altered': alterLedger(
    "UPDATE payment_ledger SET intent_id = 'pi_another' WHERE kind = 'captured'",
  ),
  'a refund is added to the ledger': addLedgerEntry('refunded', 100, 'existing'),
  'a capture of an unknown intent is added to the ledger': addLedgerEntry('captured', 100, 'unknown'),
  'a ledger entry of an unknown order is inserted': async (testEnv) => {
    const id = orderId('0'.repeat(26));
    await insert(testEnv.store.db, 'payment_ledger', [
      {
        entry_key: `${id}:pay:1:intent`,
        order_id: id,
        kind: 'intent',
        amount_minor: 1,
        currency: 'EUR',
        provider: 'stripe',
        recorded_at_ms: 0,
      },
    ]);
    return { [id]: ['order_missing'] };
  },

  'a reservation is deleted': alterReservation('desk-lamp', 'DELETE FROM reservations', confirmed),
  'a reservation is released without an event': alterReservation(
    'floor-lamp',
    "UPDATE reservations SET state = 'released'",
    confirmed,
  ),
  'the quantity of a reservation is altered': alterReservation(
    'pendant-lamp',
    'UPDATE reservations SET quantity = 2',
    confirmed,
  ),
  'a reservation is held for a closed order': alterReservation(
    'clip-lamp',
    "UPDATE reservations SET state = 'held'",
    cancelledAfterPayment,
  ),
  'a reservation is moved to another product': async (testEnv) => {
    const { id } = await confirmed(testEnv, 'saucepan');
    const stock = await expectedStockFindings(testEnv, id);
    await executeSql(testEnv, "UPDATE reservations SET sku = 'chef-knife' WHERE order_id = :id", { id });
    return { [id]: ['reservation_mismatch'], ...stock, ...(await expectedStockFindings(testEnv, id)) };
  },
  'a reservation is released together with its stock': async (testEnv) => {
    const { id } = await confirmed(testEnv, 'carafe');
    await executeSql(testEnv, "UPDATE reservations SET state = 'released' WHERE order_id = :id", { id });
    await executeSql(testEnv, "UPDATE stock SET reserved = 0 WHERE sku = 'carafe'");
    return { [id]: ['reservation_mismatch'] };
  },

  'reserved stock is altered': async (testEnv) => {
    const { id } = await confirmed(testEnv, 'headphones');
    await executeSql(
      testEnv,
      "UPDATE stock SET reserved = reserved + 1 WHERE sku = 'headphones' AND reserved = 1",
    );
    return expectedStockFindings(testEnv, id);
  },
  'stock with reserved units is deleted': async (testEnv) => {
    const { id } = await confirmed(testEnv, 'wall-clock');
    await executeSql(testEnv, "DELETE FROM stock WHERE sku = 'wall-clock'");
    const reservation = await queryRow<{ id: string }>(
      testEnv,
      'SELECT id FROM reservations WHERE order_id = :id',
      {
        id,
      },
    );
    return {
      [reservation.id]: ['stock_mismatch'],
      'wall-clock in BER': ['stock_mismatch'],
      'wall-clock in RTM': ['stock_mismatch'],
    };
  },
  'the database rejects less stock than is reserved': async (testEnv) => {
    await confirmed(testEnv, 'wall-shelf');
    const write = executeSql(
      testEnv,
      "UPDATE stock SET on_hand = 0 WHERE sku = 'wall-shelf' AND reserved = 1",
    );
    await expect(write).rejects.toThrow();
    return {};
  },

  'an event is deleted from the outbox before it has a position': async (testEnv) => {
    const { id } = await confirmed(testEnv);
    const last = await findEvent(testEnv, id, 4);
    await executeSql(testEnv, 'DELETE FROM event_outbox WHERE event_id = :id', { id: last.id });
    return { [last.eventKey]: ['feed_mismatch'] };
  },
  'a feed position is deleted': async (testEnv) => {
    const { id } = await confirmed(testEnv);
    await publishEvents(testEnv);
    const event = await findEvent(testEnv, id, 2);
    await executeSql(testEnv, 'DELETE FROM event_feed WHERE event_id = :id', { id: event.id });
    return { [event.eventKey]: ['feed_mismatch'], feed: ['feed_mismatch'] };
  },
  'a published event is inserted into the outbox again': async (testEnv) => {
    const { id } = await confirmed(testEnv);
    await publishEvents(testEnv);
    const event = await findEvent(testEnv, id, 2);
    await insert(testEnv.store.db, 'event_outbox', [{ event_id: event.id }]);
    return { [`event ${event.id}`]: ['feed_mismatch'] };
  },
});

const findEvent = (testEnv: WorkflowTestEnv, stream: string, seq: number) =>
  queryRow<{ id: number; eventKey: string }>(
    testEnv,
    'SELECT id, event_key AS eventKey FROM events WHERE stream = :stream AND seq = :seq',
    { stream, seq },
  );
