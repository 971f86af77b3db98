import { isDuplicate, type Tx } from '../db/core/connect';
import type { Store } from '../db/core/store';
import { EventKeyConflictError, GENESIS, type StreamHead } from '../db/events/event-log';
import type { AuditContext } from '../domain/inventory/stock-events';
import type { Actor, Attention, Cancellation, Order, Rejection, StockShortage } from '../domain/orders/order';
import { CUSTOMER_ERASED_REJECTION, outOfStockRejection, rejectOrder } from '../domain/orders/order-changes';
import type { SettledPayment } from '../domain/orders/order-events';
import * as events from '../domain/orders/order-events';
import type { LedgerEntry, LedgerEntryKind } from '../domain/payments/payment-ledger';
import type { DomainEvent } from '../domain/shared/events';
import { paymentAttemptKey } from '../domain/shared/ids';
import { recordStockAlerts } from '../services/inventory/stock-alerts';

/** What a step left behind. The head anchors the log's chain in the workflow's history. */
export interface StepResult {
  /**
   * `stale`: the stored order is not the version before, because an earlier run of a step got further than its answer.
   * `reservation_released`: a run before gave its stock back, so it cannot be confirmed any more.
   */
  outcome: 'recorded' | 'stale' | 'reservation_released';
  head: StreamHead;
  /** The stored order, where it is not the one that was given. */
  order?: Order;
}

/** What an earlier run of a step has left. */
type StoredStepResult = StepResult & { outcome: 'recorded' | 'stale' };

export type CreateOrderResult =
  | (StoredStepResult & {
      shortages?: undefined;
      /** Of an order that was there before: whether it has its stock (still). */
      hasReservation?: boolean;
    })
  | { outcome: 'out_of_stock'; head: StreamHead; shortages: StockShortage[] }
  | { outcome: 'customer_erased'; head: StreamHead; shortages?: undefined };

/** How a try to pay ended, as far as it is known. */
export type PaymentResult =
  | { outcome: 'captured'; paid: SettledPayment }
  | { outcome: 'declined'; attempt: number; provider: string; intentId: string; declineCode: string }
  /** Given up: whether money was taken is for the undo to find out. */
  | { outcome: 'unavailable'; attempt: number };

export interface PaymentReversal {
  outcome: 'voided' | 'refunded';
  provider: string;
  intentId: string;
  amountMinor: number;
}
export type PaymentReversalResult = { outcome: 'nothing_to_reverse' } | PaymentReversal;

/**
 * The steps of an order that touch SQL only. Each is one transaction: the effect, its events, the projection. Each may
 * run again: a step whose last event is in the log has happened, and changes nothing the second time.
 */
export interface OrderActivities {
  /**
   * Writes the new order and, if `reserve`, takes its stock: all lines or none. Out of stock ends it at once, and so does
   * a customer who was erased meanwhile.
   * @param placedBy the order's customer by default.
   */
  createOrder(input: {
    order: Order;
    reserve: boolean;
    placedBy?: Actor | undefined;
  }): Promise<CreateOrderResult>;
  confirmOrder(input: { order: Order; paid: SettledPayment }): Promise<StepResult>;
  /** Ends an order that was never accepted, after everything it did is undone. */
  rejectOrder(input: { order: Order; attempt: PaymentResult }): Promise<StepResult>;
  startCancellation(input: {
    order: Order;
    cancellation: Cancellation;
    attempt?: PaymentResult | undefined;
  }): Promise<StepResult>;
  /** Undoes the reservation of `createOrder`. */
  releaseStock(input: { orderId: string; atMs: number }): Promise<{ head: StreamHead }>;
  /** Writes down what `undoPayment` did at the provider. */
  recordPaymentReversal(input: { order: Order; undo: PaymentReversal }): Promise<StepResult>;
  finishCancellation(input: { order: Order }): Promise<StepResult>;
  recordAttention(input: { order: Order; attention: Attention | null; step: string }): Promise<StepResult>;
  recordCancellationRejection(input: {
    order: Order;
    refused: Cancellation;
    n: number;
    why: string;
  }): Promise<{ head: StreamHead }>;
}

class StaleOrderError extends Error {}

interface OrderStep {
  order: Order;
  /** In the order they are told; the last one names the step. */
  events: DomainEvent[];
  ledger?: LedgerEntry[];
  /** Only while the order holds it. */
  holding?: 'stock';
}

export function createOrderActivities(store: Store): OrderActivities {
  const { db, log, orders, contacts, stock, ledger } = store;
  /** Does the step; `again` is for one that may have happened in part under another name. */
  const apply = (step: OrderStep, again: boolean): Promise<StreamHead> =>
    db.write(async (tx) => {
      const { order } = step;
      const head = await log.lockHead(order.id, tx);
      const next = await log.append(
        head,
        again ? await log.filterUnrecorded(step.events, tx) : step.events,
        tx,
      );
      if (step.ledger !== undefined) await ledger.add(step.ledger, order.updatedAtMs, tx);
      if (!(await orders.update(order, tx, step.holding))) throw new StaleOrderError();
      return next;
    });

  /** What is stored, when a step did not go through: it has happened before, or the stored order is further. */
  const stored = (order: Order, name: DomainEvent): Promise<StoredStepResult> =>
    db.write(async (tx) => {
      const head = await log.lockHead(order.id, tx);
      const happened = (await log.filterUnrecorded([name], tx)).length === 0;
      const now = await orders.find(order.id, tx);
      if (now === null) throw new Error(`order ${order.id} is not in the database`);
      return { outcome: happened ? 'recorded' : 'stale', head, order: now };
    });

  const record = async (step: OrderStep, partlyTold = false): Promise<StepResult> => {
    const name = step.events.at(-1) as DomainEvent;
    try {
      return { outcome: 'recorded', head: await apply(step, partlyTold) };
    } catch (error) {
      if (!(error instanceof StaleOrderError) && !isDuplicate(error)) throw error;
    }
    const before = await stored(step.order, name);
    if (before.outcome === 'recorded') return before;
    try {
      return { outcome: 'recorded', head: await apply(step, true) };
    } catch (error) {
      if (error instanceof StaleOrderError) return stored(step.order, name);
      throw error;
    }
  };

  /** Events beside the order's own state: none of them changes the projection. */
  const note = (orderId: string, effect: (tx: Tx) => Promise<DomainEvent[]>): Promise<{ head: StreamHead }> =>
    db.write(async (tx) => {
      const head = await log.lockHead(orderId, tx);
      return { head: await log.append(head, await log.filterUnrecorded(await effect(tx), tx), tx) };
    });

  /** There is nothing to lock yet: of two that open the same order the keys let one through. */
  const open = (order: Order, created: DomainEvent, reserve: boolean): Promise<CreateOrderResult> =>
    db.write(async (tx) => {
      const reject = async (rejection: Rejection): Promise<StreamHead> => {
        const rejected = rejectOrder(order, rejection, 'none', order.updatedAtMs);
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
      const next = await log.append(GENESIS, [created, ...reserved], tx);
      await orders.insert(order, tx);
      await recordStockAlerts(store, result.items, systemAuditContext(), tx);
      return { outcome: 'recorded', head: next };
    });

  /** A run that was started again counts from 1: a number that stands for another refusal is left to it. */
  const nextRefusal = async (
    order: Order,
    refused: Cancellation,
    n: number,
    why: string,
    tx: Tx,
  ): Promise<DomainEvent> => {
    const event = events.cancellationRejected(order, refused, n, why);
    try {
      await log.filterUnrecorded([event], tx);
      return event;
    } catch (error) {
      if (!(error instanceof EventKeyConflictError)) throw error;
      return nextRefusal(order, refused, n + 1, why, tx);
    }
  };

  return {
    async createOrder({ order, reserve, placedBy = { kind: 'customer', id: order.customerId } }) {
      const created = events.orderCreated(order, placedBy);
      try {
        return await open(order, created, reserve);
      } catch (error) {
        if (!isDuplicate(error)) throw error;
      }
      const before = await stored(order, created);
      const { head, order: { rejection } = order } = before;
      switch (rejection?.code) {
        case 'out_of_stock':
          return { outcome: 'out_of_stock', head, shortages: rejection.shortages ?? [] };
        case 'customer_erased':
          return { outcome: 'customer_erased', head };
        default:
          return { ...before, hasReservation: await stock.hasReservations(order.id) };
      }
    },

    async confirmOrder({ order, paid }) {
      const recorded = await record({
        order,
        events: [events.paymentSucceeded(order, paid), events.orderConfirmed(order)],
        ledger: [toLedgerEntry(order, 'captured', paid)],
        holding: 'stock',
      });
      const isHeld = recorded.outcome === 'recorded' || (await stock.hasReservations(order.id));
      return isHeld ? recorded : { ...recorded, outcome: 'reservation_released' };
    },

    rejectOrder: ({ order, attempt }) =>
      record({
        order,
        events: [...toPaymentEvents(order, attempt), events.orderRejected(order)],
        ledger: toPaymentEntries(order, attempt),
      }),

    startCancellation: ({ order, cancellation, attempt }) =>
      record({
        order,
        events: [...toPaymentEvents(order, attempt), events.orderCancellationStarted(order, cancellation)],
        ledger: toPaymentEntries(order, attempt),
      }),

    releaseStock: ({ orderId, atMs }) =>
      note(orderId, async (tx) => {
        // A run that was reset while it did this: the one after it has confirmed the order with its stock.
        if ((await orders.findStatus(orderId, tx)) === 'confirmed') return [];
        const { allocations, items } = await stock.release(orderId, atMs, tx);
        await recordStockAlerts(store, items, systemAuditContext(), tx);
        return allocations.length === 0 ? [] : [events.stockReleased(orderId, allocations, atMs)];
      }),

    recordPaymentReversal: ({ order, undo }) =>
      record({ order, events: toReversalEvents(order, undo), ledger: toReversalEntries(order, undo) }, true),

    finishCancellation: ({ order }) => record({ order, events: [events.orderCancelled(order)] }),

    recordAttention: ({ order, attention, step }) =>
      record({
        order,
        events: [
          attention === null
            ? events.orderAttentionResolved(order, step)
            : events.orderAttentionRequired(order, attention),
        ],
      }),

    recordCancellationRejection: ({ order, refused, n, why }) =>
      note(order.id, async (tx) => [await nextRefusal(order, refused, n, why, tx)]),
  };
}

const SYSTEM: Actor = { kind: 'system' };
/** Stock is low from when the step is done, however long ago the order was placed: others have changed it in between. */
const systemAuditContext = (): AuditContext => ({ actor: SYSTEM, atMs: Date.now() });
const FIRST_ATTEMPT = 1;

const toLedgerEntry = (
  order: Order,
  kind: LedgerEntryKind,
  of: {
    attempt?: number;
    provider: string;
    intentId: string | null;
    amountMinor: number;
    declineCode?: string;
  },
): LedgerEntry => ({
  key: `${paymentAttemptKey(order.id, of.attempt ?? FIRST_ATTEMPT)}:${kind}`,
  orderId: order.id,
  kind,
  amountMinor: of.amountMinor,
  currency: order.currency,
  provider: of.provider,
  intentId: of.intentId,
  declineCode: of.declineCode ?? null,
});

const toPaymentEntries = (order: Order, attempt: PaymentResult | undefined): LedgerEntry[] => {
  switch (attempt?.outcome) {
    case 'captured':
      return [toLedgerEntry(order, 'captured', attempt.paid)];
    case 'declined':
      return [toLedgerEntry(order, 'declined', { ...attempt, amountMinor: order.totalMinor })];
    default:
      return [];
  }
};

/** Money that was given back was taken before, even where the answer that said so was lost. */
const toReversalEntries = (order: Order, undo: PaymentReversal): LedgerEntry[] =>
  undo.outcome === 'voided'
    ? [toLedgerEntry(order, 'voided', undo)]
    : [toLedgerEntry(order, 'captured', undo), toLedgerEntry(order, 'refunded', undo)];

const toPaymentEvents = (order: Order, attempt: PaymentResult | undefined): DomainEvent[] => {
  switch (attempt?.outcome) {
    case 'captured':
      return [events.paymentSucceeded(order, attempt.paid)];
    case 'declined': {
      const { attempt: n, provider, intentId, declineCode: code } = attempt;
      return [events.paymentFailed(order, { attempt: n, provider, intentId, code })];
    }
    case 'unavailable': {
      const { attempt: n } = attempt;
      return [
        events.paymentFailed(order, { attempt: n, provider: null, intentId: null, code: 'unavailable' }),
      ];
    }
    case undefined:
      return [];
  }
};

const toReversalEvents = (order: Order, undo: PaymentReversal): DomainEvent[] => {
  const { provider, intentId, amountMinor } = undo;
  if (undo.outcome === 'voided') return [events.paymentVoided(order, { provider, intentId })];
  return [
    events.paymentSucceeded(order, { attempt: FIRST_ATTEMPT, provider, intentId, amountMinor }),
    events.paymentRefunded(order, { provider, intentId, amountMinor }),
  ];
};
