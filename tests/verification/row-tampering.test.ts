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
  (place: (lab: WorkflowTestEnv) => Promise<{ id: string }>, assignment: string): Tampering =>
  async (lab) => {
    const { id } = await place(lab);
    await executeSql(lab, `UPDATE orders SET ${assignment} WHERE id = :id`, { id });
    return { [id]: ['projection_mismatch'] };
  };

const deleteOrder =
  (place: (lab: WorkflowTestEnv) => Promise<{ id: string }>): Tampering =>
  async (lab) => {
    const { id } = await place(lab);
    await executeSql(lab, 'DELETE FROM orders WHERE id = :id', { id });
    return { [id]: ['order_missing', 'projection_mismatch'] };
  };

const alterOrderLines =
  (change: string): Tampering =>
  async (lab) => {
    const { id } = await orderFixtures.confirmed(lab);
    await executeSql(lab, `${change} WHERE order_id = :id`, { id });
    return { [id]: ['projection_mismatch'] };
  };

/** `alone`: the provider's books do not show it. */
const alterLedger =
  (change: string, { place = orderFixtures.confirmed, alone = false } = {}): Tampering =>
  async (lab) => {
    const { id } = await place(lab);
    await executeSql(lab, `${change} AND order_id = :id`, { id });
    return { [id]: alone ? ['money_mismatch'] : ['money_mismatch', 'provider_mismatch'] };
  };

const addLedgerEntry =
  (kind: string, amountMinor: number, intent: 'its own' | 'made up'): Tampering =>
  async (lab) => {
    const { id } = await orderFixtures.confirmed(lab);
    const [captured] = (await lab.store.ledger.findByOrder(id)).filter((e) => e.kind === 'captured');
    await insert(lab.store.db, 'payment_ledger', [
      {
        entry_key: `${id}:pay:2:${kind}`,
        order_id: id,
        kind,
        amount_minor: amountMinor,
        currency: 'EUR',
        provider: 'stripe',
        intent_id: intent === 'its own' ? (captured?.intentId as string) : 'pi_made_up',
        recorded_at_ms: 0,
      },
    ]);
    return { [id]: ['money_mismatch', 'provider_mismatch'] };
  };

/** Each on a product of its own: the stock of that is blamed too. */
const alterReservation =
  (
    sku: string,
    change: string,
    place: (lab: WorkflowTestEnv, sku: string) => Promise<{ id: string }>,
  ): Tampering =>
  async (lab) => {
    const { id } = await place(lab, sku);
    const stock = await expectedStockFindings(lab, id);
    await executeSql(lab, `${change} WHERE order_id = :id`, { id });
    return { [id]: ['reservation_mismatch'], ...stock };
  };

async function expectedStockFindings(lab: WorkflowTestEnv, id: string): Promise<FindingsBySubject> {
  const { sku, warehouse } = await queryRow<{ sku: string; warehouse: string }>(
    lab,
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
  'the customer of an order is altered': alterOrder(confirmed, "customer_id = 'cus_somebody_else'"),
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
  'what an order needs attention for is removed': alterOrder(cancelling, 'attention = NULL'),
  'the quantity of a line is altered': alterOrderLines('UPDATE order_lines SET quantity = 2'),
  'the price of a line is altered': alterOrderLines('UPDATE order_lines SET unit_price_minor = 1'),
  'a line is deleted': alterOrderLines('DELETE FROM order_lines'),

  'money taken is deleted from the ledger': alterLedger("DELETE FROM payment_ledger WHERE kind = 'captured'"),
  'money given back is deleted from the ledger': alterLedger(
    "DELETE FROM payment_ledger WHERE kind = 'refunded'",
    { place: cancelledAfterPayment },
  ),
  'an intent is deleted from the ledger': alterLedger("DELETE FROM payment_ledger WHERE kind = 'intent'", {
    alone: true,
  }),
  'a decline is deleted from the ledger': alterLedger("DELETE FROM payment_ledger WHERE kind = 'declined'", {
    place: orderFixtures.declined,
    alone: true,
  }),
  'an amount of the ledger is altered': alterLedger(
    "UPDATE payment_ledger SET amount_minor = amount_minor - 1 WHERE kind = 'captured'",
  ),
  'the amount of an intent is altered': alterLedger(
    "UPDATE payment_ledger SET amount_minor = amount_minor + 1 WHERE kind = 'intent'",
    { alone: true },
  ),
  'the currency of the ledger is altered': alterLedger(
    "UPDATE payment_ledger SET currency = 'USD' WHERE kind = 'captured'",
    { alone: true },
  ),
  'the intent of a row of the ledger is altered': alterLedger(
    "UPDATE payment_ledger SET intent_id = 'pi_another' WHERE kind = 'captured'",
  ),
  'a refund is added to the ledger': addLedgerEntry('refunded', 100, 'its own'),
  'money of an intent that does not exist is added to the ledger': addLedgerEntry('captured', 100, 'made up'),
  'a row of the ledger names an order that does not exist': async (lab) => {
    const id = orderId('0'.repeat(26));
    await insert(lab.store.db, 'payment_ledger', [
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
  'a reservation is released and no event tells of it': alterReservation(
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
  'a reservation is moved to another product': async (lab) => {
    const { id } = await confirmed(lab, 'saucepan');
    const stock = await expectedStockFindings(lab, id);
    await executeSql(lab, "UPDATE reservations SET sku = 'chef-knife' WHERE order_id = :id", { id });
    return { [id]: ['reservation_mismatch'], ...stock, ...(await expectedStockFindings(lab, id)) };
  },
  'a reservation is released together with its stock': async (lab) => {
    const { id } = await confirmed(lab, 'carafe');
    await executeSql(lab, "UPDATE reservations SET state = 'released' WHERE order_id = :id", { id });
    await executeSql(lab, "UPDATE stock SET reserved = 0 WHERE sku = 'carafe'");
    return { [id]: ['reservation_mismatch'] };
  },

  'reserved stock is altered': async (lab) => {
    const { id } = await confirmed(lab, 'headphones');
    await executeSql(
      lab,
      "UPDATE stock SET reserved = reserved + 1 WHERE sku = 'headphones' AND reserved = 1",
    );
    return expectedStockFindings(lab, id);
  },
  'stock of which units are reserved is deleted': async (lab) => {
    const { id } = await confirmed(lab, 'wall-clock');
    await executeSql(lab, "DELETE FROM stock WHERE sku = 'wall-clock'");
    const reservation = await queryRow<{ id: string }>(
      lab,
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
  'less stock than is reserved cannot be written': async (lab) => {
    await confirmed(lab, 'wall-shelf');
    const write = executeSql(lab, "UPDATE stock SET on_hand = 0 WHERE sku = 'wall-shelf' AND reserved = 1");
    await expect(write).rejects.toThrow();
    return {};
  },

  'an event is taken out of the queue before it has a position': async (lab) => {
    const { id } = await confirmed(lab);
    const last = await findEvent(lab, id, 4);
    await executeSql(lab, 'DELETE FROM event_outbox WHERE event_id = :id', { id: last.id });
    return { [last.eventKey]: ['feed_mismatch'] };
  },
  'a position in the feed is removed': async (lab) => {
    const { id } = await confirmed(lab);
    await publishEvents(lab);
    const event = await findEvent(lab, id, 2);
    await executeSql(lab, 'DELETE FROM event_feed WHERE event_id = :id', { id: event.id });
    return { [event.eventKey]: ['feed_mismatch'], feed: ['feed_mismatch'] };
  },
  'an event is queued again': async (lab) => {
    const { id } = await confirmed(lab);
    await publishEvents(lab);
    const event = await findEvent(lab, id, 2);
    await insert(lab.store.db, 'event_outbox', [{ event_id: event.id }]);
    return { [`event ${event.id}`]: ['feed_mismatch'] };
  },
});

const findEvent = (lab: WorkflowTestEnv, stream: string, seq: number) =>
  queryRow<{ id: number; eventKey: string }>(
    lab,
    'SELECT id, event_key AS eventKey FROM events WHERE stream = :stream AND seq = :seq',
    { stream, seq },
  );
