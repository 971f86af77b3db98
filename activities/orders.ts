import { isDuplicate, type Tx } from '../db/core/connect';
import type { Store } from '../db/core/store';
import { EventKeyConflictError, GENESIS, type StreamHead } from '../db/events/event-log';
import type { AuditContext } from '../domain/inventory/stock-events';
import type {
  Actor,
  Attention,
  Cancellation,
  Order,
  PaymentStatus,
  Rejection,
  StockShortage,
} from '../domain/orders/order';
import {
  CUSTOMER_ERASED_REJECTION,
  outOfStockRejection,
  rejectNewOrder,
  withPaymentStatus,
} from '../domain/orders/order-changes';
import * as events from '../domain/orders/order-events';
import { decisionEventKeys, type SettledPayment } from '../domain/orders/order-events';
import type { LedgerEntry } from '../domain/payments/payment-ledger';
import type { DomainEvent } from '../domain/shared/events';
import { recordStockAlerts } from '../services/inventory/stock-alerts';
import {
  toLedgerEntry,
  toPaymentEntries,
  toPaymentEvents,
  toReversalEntries,
  toReversalEvents,
} from './payment-records';
import type { PaymentResult, PaymentReversal } from './payments';

/** The result of a step. `head` anchors the hash chain of the log in the workflow history. */
export interface StepResult {
  /**
   * `stale`: the stored order is not the preceding version; an earlier run of the step recorded more than it returned.
   * `reservation_released`: an earlier run released the stock, so the order cannot be confirmed.
   */
  outcome: 'recorded' | 'stale' | 'reservation_released';
  head: StreamHead;
  /** The status derived from the ledger, if this run recorded a step that depends on it. */
  payment?: PaymentStatus;
  /** The stored order, if an earlier run recorded it. */
  order?: Order;
}

/** A step result that does not depend on the reservation. */
type StoredStepResult = StepResult & { outcome: 'recorded' | 'stale' };

export type CreateOrderResult =
  | (StoredStepResult & {
      shortages?: undefined;
      /** Set when the order was created earlier: whether it still has its reservation. */
      hasReservation?: boolean;
    })
  | { outcome: 'out_of_stock'; head: StreamHead; shortages: StockShortage[] }
  | { outcome: 'customer_erased'; head: StreamHead; shortages?: undefined };

/**
 * The steps of an order that write SQL only. Each is one transaction with the effect, its events and the projection.
 * Each is idempotent: a step whose last event is in the log is done and changes nothing when it runs again.
 */
export interface OrderActivities {
  /**
   * Stores the order and, if `reserve`, reserves all lines or none. Rejects it if stock is short or the customer was
   * erased meanwhile.
   * @param placedBy the order's customer by default.
   */
  createOrder(input: {
    order: Order;
    reserve: boolean;
    placedBy?: Actor | undefined;
  }): Promise<CreateOrderResult>;
  confirmOrder(input: { order: Order; paid: SettledPayment }): Promise<StepResult>;
  /** Closes an order that was never accepted, after its compensations have completed. */
  rejectOrder(input: { order: Order; payment: PaymentResult }): Promise<StepResult>;
  startCancellation(input: {
    order: Order;
    cancellation: Cancellation;
    payment?: PaymentResult | undefined;
  }): Promise<StepResult>;
  /** Compensates the reservation of `createOrder`. */
  releaseStock(input: { orderId: string; atMs: number }): Promise<{ head: StreamHead }>;
  /** Records the result of `reversePayment`. */
  recordPaymentReversal(input: { order: Order; reversal: PaymentReversal }): Promise<StepResult>;
  finishCancellation(input: { order: Order }): Promise<StepResult>;
  recordAttention(input: { order: Order; attention: Attention | null; step: string }): Promise<StepResult>;
  /** @param sequence number of this rejection among those of the same kind of actor. */
  recordCancellationRejection(input: {
    order: Order;
    request: Cancellation;
    sequence: number;
    reason: string;
  }): Promise<{ head: StreamHead }>;
}

class StaleOrderError extends Error {}

interface OrderStep {
  order: Order;
  /** Oldest first; the last one identifies the step. */
  events: (order: Order) => DomainEvent[];
  /** Entries to add. Set on every step that the payment status depends on. */
  ledger?: LedgerEntry[];
  /** Entries recorded earlier that the payment status depends on; read from the ledger by default. */
  earlierEntries?: LedgerEntry[];
  /** Records the step only while the order has reserved stock. */
  requiresReservation?: boolean;
}

/** @param publishDecision receives each order whose placement was decided, after the commit. */
export function createOrderActivities(
  store: Store,
  publishDecision: (order: Order) => void = () => undefined,
): OrderActivities {
  const { db, log, orders, contacts, stock, ledger } = store;

  /** The order of a step with the payment status of its ledger, including the entries that the step adds. */
  const derivePayment = async (
    { order, ledger: added, earlierEntries }: OrderStep,
    tx: Tx,
  ): Promise<Order> => {
    if (added === undefined) return order;
    const earlier = earlierEntries ?? (await ledger.findByOrder(order.id, tx));
    const keys = new Set(earlier.map((entry) => entry.key));
    return withPaymentStatus(order, [...earlier, ...added.filter((entry) => !keys.has(entry.key))]);
  };

  /** @param mayHavePartialEvents whether another step may have recorded some of the events. */
  const apply = async (step: OrderStep, mayHavePartialEvents: boolean): Promise<StepResult> => {
    let { order } = step;
    const result: StepResult = await db.write(async (tx) => {
      const head = await log.lockHead(step.order.id, tx);
      order = await derivePayment(step, tx);
      const all = step.events(order);
      const next = await log.append(
        head,
        mayHavePartialEvents ? await log.filterUnrecorded(all, tx) : all,
        tx,
      );
      if (step.ledger !== undefined) await ledger.add(step.ledger, order.updatedAtMs, tx);
      if (!(await orders.update(order, tx, step.requiresReservation))) throw new StaleOrderError();
      const payment = step.ledger === undefined ? {} : { payment: order.payment };
      return { outcome: 'recorded', head: next, ...payment };
    });
    const stepEvent = step.events(order).at(-1);
    if (stepEvent !== undefined && decisionEventKeys(order.id).includes(stepEvent.key))
      publishDecision(order);
    return result;
  };

  /** The stored order and whether the step is recorded, after the step was not applied. */
  const findStored = (order: Order, stepEvent: DomainEvent): Promise<StoredStepResult> =>
    db.write(async (tx) => {
      const head = await log.lockHead(order.id, tx);
      const isRecorded = (await log.filterUnrecorded([stepEvent], tx)).length === 0;
      const stored = await orders.find(order.id, tx);
      if (stored === null) throw new Error(`order ${order.id} is not in the database`);
      return { outcome: isRecorded ? 'recorded' : 'stale', head, order: stored };
    });

  const record = async (step: OrderStep, mayHavePartialEvents = false): Promise<StepResult> => {
    const stepEvent = step.events(step.order).at(-1) as DomainEvent;
    try {
      return await apply(step, mayHavePartialEvents);
    } catch (error) {
      if (!(error instanceof StaleOrderError) && !isDuplicate(error)) throw error;
    }
    const stored = await findStored(step.order, stepEvent);
    if (stored.outcome === 'recorded') return stored;
    try {
      return await apply(step, true);
    } catch (error) {
      if (error instanceof StaleOrderError) return findStored(step.order, stepEvent);
      throw error;
    }
  };

  /** Records events that do not change the order's own row. */
  const recordEvents = (
    orderId: string,
    effect: (tx: Tx) => Promise<DomainEvent[]>,
  ): Promise<{ head: StreamHead }> =>
    db.write(async (tx) => {
      const head = await log.lockHead(orderId, tx);
      return { head: await log.append(head, await log.filterUnrecorded(await effect(tx), tx), tx) };
    });

  /** No row exists to lock: unique keys let only one of two concurrent runs commit. */
  const insertOrder = (order: Order, created: DomainEvent, reserve: boolean): Promise<CreateOrderResult> =>
    db.write(async (tx) => {
      const reject = async (rejection: Rejection): Promise<StreamHead> => {
        const rejected = rejectNewOrder(order, rejection);
        await orders.insert(rejected, tx);
        return log.append(GENESIS, [created, events.orderRejected(rejected)], tx);
      };
      if (await contacts.isErased(order.id, tx)) {
        return { outcome: 'customer_erased', head: await reject(CUSTOMER_ERASED_REJECTION) };
      }
      const result = reserve ? await stock.reserve(order, tx) : { allocations: [], items: [] };
      if ('shortages' in result) {
        const { shortages } = result;
        return { outcome: 'out_of_stock', head: await reject(outOfStockRejection(shortages)), shortages };
      }
      const reserved = reserve ? [events.stockReserved(order, result.allocations)] : [];
      const head = await log.append(GENESIS, [created, ...reserved], tx);
      await orders.insert(order, tx);
      await recordStockAlerts(store, result.items, systemAuditContext(), tx);
      return { outcome: 'recorded', head };
    });

  /** A restarted run counts from 1: skips the numbers under which an earlier run recorded other rejections. */
  const numberRejection = async (
    order: Order,
    request: Cancellation,
    sequence: number,
    reason: string,
    tx: Tx,
  ): Promise<DomainEvent> => {
    const event = events.cancellationRejected(order, request, sequence, reason);
    try {
      await log.filterUnrecorded([event], tx);
      return event;
    } catch (error) {
      if (!(error instanceof EventKeyConflictError)) throw error;
      return numberRejection(order, request, sequence + 1, reason, tx);
    }
  };

  return {
    async createOrder({ order, reserve, placedBy = { kind: 'customer', id: order.customerId } }) {
      const created = events.orderCreated(order, placedBy);
      try {
        const result = await insertOrder(order, created, reserve);
        if (result.outcome === 'out_of_stock')
          publishDecision(rejectNewOrder(order, outOfStockRejection(result.shortages)));
        if (result.outcome === 'customer_erased')
          publishDecision(rejectNewOrder(order, CUSTOMER_ERASED_REJECTION));
        return result;
      } catch (error) {
        if (!isDuplicate(error)) throw error;
      }
      const stored = await findStored(order, created);
      const { head, order: { rejection } = order } = stored;
      switch (rejection?.code) {
        case 'out_of_stock':
          return { outcome: 'out_of_stock', head, shortages: rejection.shortages ?? [] };
        case 'customer_erased':
          return { outcome: 'customer_erased', head };
        default:
          return { ...stored, hasReservation: await stock.hasReservations(order.id) };
      }
    },

    async confirmOrder({ order, paid }) {
      const recorded = await record({
        order,
        events: (o) => [events.paymentSucceeded(o, paid), events.orderConfirmed(o)],
        ledger: [toLedgerEntry(order, 'captured', paid)],
        // A capture without a refund determines the payment status alone, so the ledger is not read.
        earlierEntries: [],
        requiresReservation: true,
      });
      const hasReservation = recorded.outcome === 'recorded' || (await stock.hasReservations(order.id));
      return hasReservation ? recorded : { ...recorded, outcome: 'reservation_released' };
    },

    rejectOrder: ({ order, payment }) =>
      record({
        order,
        events: (o) => [...toPaymentEvents(o, payment), events.orderRejected(o)],
        ledger: toPaymentEntries(order, payment),
      }),

    startCancellation: ({ order, cancellation, payment }) =>
      record({
        order,
        events: (o) => [...toPaymentEvents(o, payment), events.orderCancellationStarted(o, cancellation)],
        ledger: toPaymentEntries(order, payment),
      }),

    releaseStock: ({ orderId, atMs }) =>
      recordEvents(orderId, async (tx) => {
        // The workflow was reset during the release, and the new run confirmed the order with this stock.
        if ((await orders.findStatus(orderId, tx)) === 'confirmed') return [];
        const { allocations, items } = await stock.release(orderId, atMs, tx);
        await recordStockAlerts(store, items, systemAuditContext(), tx);
        return allocations.length === 0 ? [] : [events.stockReleased(orderId, allocations, atMs)];
      }),

    recordPaymentReversal: ({ order, reversal }) =>
      record(
        {
          order,
          events: (o) => toReversalEvents(o, reversal),
          ledger: toReversalEntries(order, reversal),
        },
        true,
      ),

    finishCancellation: ({ order }) =>
      record({ order, events: (o) => [events.orderCancelled(o)], ledger: [] }),

    recordAttention: ({ order, attention, step }) =>
      record({
        order,
        events: (o) => [
          attention === null
            ? events.orderAttentionResolved(o, step)
            : events.orderAttentionRequired(o, attention),
        ],
      }),

    recordCancellationRejection: ({ order, request, sequence, reason }) =>
      recordEvents(order.id, async (tx) => [await numberRejection(order, request, sequence, reason, tx)]),
  };
}

/** Stock alerts have the time of the transaction, not of the order: other orders changed the stock in between. */
const systemAuditContext = (): AuditContext => ({ actor: { kind: 'system' }, atMs: Date.now() });
