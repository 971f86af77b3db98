import { isDuplicate, type Tx } from '../db/core/connect';
import type { Store } from '../db/core/store';
import { EventKeyConflictError, GENESIS, type StreamHead } from '../db/events/event-log';
import type { AuditContext } from '../domain/inventory/stock-events';
import type { Actor, Attention, Cancellation, Order, Rejection } from '../domain/orders/order';
import {
  CUSTOMER_ERASED_REJECTION,
  outOfStockRejection,
  rejectNewOrder,
  setAttention,
} from '../domain/orders/order-changes';
import type { SettledPayment } from '../domain/orders/order-events';
import * as events from '../domain/orders/order-events';
import type { DomainEvent } from '../domain/shared/events';
import { recordStockAlerts } from '../services/inventory/stock-alerts';
import { createOrderSteps, type PublishDecision, type StepResult } from './order-steps';
import {
  toDeclinedEvents,
  toLedgerEntry,
  toPaymentEntries,
  toPaymentEvents,
  toReversalEntries,
  toReversalEvents,
} from './payment-records';
import type { FailedPayment, PaymentReversal } from './payments';

export type CreateOrderResult =
  | { outcome: 'created'; head: StreamHead }
  /** Stock is short, or the customer was erased meanwhile. */
  | { outcome: 'rejected'; head: StreamHead; rejection: Rejection }
  /** The order was created earlier: by an attempt whose result was lost, or by an earlier run. */
  | { outcome: 'exists'; head: StreamHead; order: Order; hasReservation: boolean };

/**
 * The steps of an order that write SQL only. Each is one transaction with the effect, its events and the projection.
 * Each is idempotent: a step whose last event is in the log changes nothing when it runs again.
 */
export interface OrderActivities {
  /**
   * Stores the order and, if `reserve`, reserves all lines or none.
   * @param placedBy the order's customer by default.
   */
  createOrder(input: {
    order: Order;
    reserve: boolean;
    placedBy?: Actor | undefined;
  }): Promise<CreateOrderResult>;
  /** Stale if the order no longer has its reservation. */
  confirmOrder(input: { order: Order; paid: SettledPayment }): Promise<StepResult>;
  /** Closes an order that was never accepted, after its compensations have completed. */
  rejectOrder(input: { order: Order; payment: FailedPayment }): Promise<StepResult>;
  startCancellation(input: { order: Order; cancellation: Cancellation }): Promise<StepResult>;
  /** Compensates the reservation of `createOrder`. */
  releaseStock(input: { orderId: string; atMs: number }): Promise<{ head: StreamHead }>;
  /** Records the result of `reversePayment`. */
  recordPaymentReversal(input: { order: Order; reversal: PaymentReversal }): Promise<StepResult>;
  /** Also records a decline that the cancellation has overtaken. */
  finishCancellation(input: { order: Order }): Promise<StepResult>;
  /**
   * Flags the order, or clears the flag if `attention` is null. An order that already is as required stays unchanged.
   * @param order as the workflow knows it: its status must be the stored one.
   */
  recordAttention(input: {
    order: Order;
    attention: Attention | null;
    step: string;
    atMs: number;
  }): Promise<StepResult>;
  /** @param sequence number of this rejection among those of the same kind of actor. */
  recordCancellationRejection(input: {
    order: Order;
    request: Cancellation;
    sequence: number;
    reason: string;
  }): Promise<{ head: StreamHead }>;
}

export function createOrderActivities(
  store: Store,
  publishDecision: PublishDecision = () => undefined,
): OrderActivities {
  const { db, log, orders, contacts, stock } = store;
  const { lockOrder, record, recordEvents } = createOrderSteps(store, publishDecision);

  /** No row exists to lock: unique keys let only one of two concurrent attempts commit. */
  const insertOrder = (order: Order, created: DomainEvent, reserve: boolean): Promise<CreateOrderResult> =>
    db.write(async (tx) => {
      const reject = async (rejection: Rejection): Promise<CreateOrderResult> => {
        const rejected = rejectNewOrder(order, rejection);
        await orders.insert(rejected, tx);
        const head = await log.append(GENESIS, [created, events.orderRejected(rejected)], tx);
        return { outcome: 'rejected', head, rejection };
      };
      if (await contacts.isErased(order.id, tx)) return reject(CUSTOMER_ERASED_REJECTION);
      const result = reserve ? await stock.reserve(order, tx) : { allocations: [], items: [] };
      if ('shortages' in result) return reject(outOfStockRejection(result.shortages));
      const reserved = reserve ? [events.stockReserved(order, result.allocations)] : [];
      const head = await log.append(GENESIS, [created, ...reserved], tx);
      await orders.insert(order, tx);
      await recordStockAlerts(store, result.items, systemAuditContext(), tx);
      return { outcome: 'created', head };
    });

  const findExisting = (id: string, created: DomainEvent): Promise<CreateOrderResult> =>
    db.write(async (tx) => {
      const { head, order } = await lockOrder(id, tx);
      await log.filterUnrecorded([created], tx);
      const hasReservation = await stock.hasReservations(id, tx);
      return { outcome: 'exists', head, order, hasReservation };
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
      const result = await insertOrder(order, created, reserve).catch((error: unknown) => {
        if (!isDuplicate(error)) throw error;
        return findExisting(order.id, created);
      });
      if (result.outcome === 'rejected') publishDecision(rejectNewOrder(order, result.rejection));
      return result;
    },

    confirmOrder: ({ order, paid }) =>
      record({
        order,
        events: (o) => [events.paymentSucceeded(o, paid), events.orderConfirmed(o)],
        ledger: [toLedgerEntry(order, 'captured', paid)],
        requiresReservation: true,
        isFirstOutcome: true,
      }),

    rejectOrder: ({ order, payment }) =>
      record({
        order,
        events: (o) => [...toPaymentEvents(o, payment), events.orderRejected(o)],
        ledger: toPaymentEntries(order, payment),
      }),

    startCancellation: ({ order, cancellation }) =>
      record({ order, events: (o) => [events.orderCancellationStarted(o, cancellation)], ledger: [] }),

    releaseStock: ({ orderId, atMs }) =>
      recordEvents(orderId, async (tx) => {
        // The workflow was reset during the release, and the new run confirmed the order with this stock.
        if ((await orders.findStatus(orderId, tx)) === 'confirmed') return [];
        const { allocations, items } = await stock.release(orderId, atMs, tx);
        await recordStockAlerts(store, items, systemAuditContext(), tx);
        return allocations.length === 0 ? [] : [events.stockReleased(orderId, allocations, atMs)];
      }),

    recordPaymentReversal: ({ order, reversal }) =>
      record({
        order,
        events: (o) => toReversalEvents(o, reversal),
        ledger: toReversalEntries(order, reversal),
      }),

    finishCancellation: ({ order }) =>
      record({
        order,
        events: (o, ledger) => [...toDeclinedEvents(o, ledger), events.orderCancelled(o)],
        ledger: [],
      }),

    recordAttention: ({ order: { id, status }, attention, step, atMs }) =>
      db.write(async (tx) => {
        const { head, order: stored } = await lockOrder(id, tx);
        if (stored.status !== status) return { outcome: 'stale', head, order: stored };
        if ((stored.attention === null) === (attention === null))
          return { outcome: 'recorded', head, order: stored };
        const order = setAttention(stored, attention, atMs);
        await orders.update(order, tx);
        const event =
          attention === null
            ? events.orderAttentionResolved(order, step)
            : events.orderAttentionRequired(order, attention);
        return { outcome: 'recorded', head: await log.append(head, [event], tx), order };
      }),

    recordCancellationRejection: ({ order, request, sequence, reason }) =>
      recordEvents(order.id, async (tx) => [await numberRejection(order, request, sequence, reason, tx)]),
  };
}

/** Stock alerts have the time of the transaction, not of the order: other orders changed the stock in between. */
const systemAuditContext = (): AuditContext => ({ actor: { kind: 'system' }, atMs: Date.now() });
