import { isDuplicate, type Tx } from '../db/core/connect';
import type { Store } from '../db/core/store';
import { EventKeyConflictError, type StreamHead } from '../db/events/event-log';
import type { Order, PaymentStatus } from '../domain/orders/order';
import { withPaymentStatus } from '../domain/orders/order-changes';
import { DECISION_STATUSES } from '../domain/orders/order-events';
import type { LedgerEntry } from '../domain/payments/payment-ledger';
import type { DomainEvent } from '../domain/shared/events';

/** The result of a step. `head` anchors the hash chain of the log in the workflow history. */
export interface StepResult {
  /** `stale`: the stored order is not the version that the step changes. Nothing was changed. */
  outcome: 'recorded' | 'stale';
  head: StreamHead;
  /** The status derived from the ledger, if the step depends on it. */
  payment?: PaymentStatus;
  /** The stored order, if another attempt had recorded the step or the step is stale. */
  order?: Order;
}

export interface OrderStep {
  /** The order after the step. */
  order: Order;
  /** Oldest first; the last one identifies the step. */
  events: (order: Order, ledger: readonly LedgerEntry[]) => DomainEvent[];
  /** Entries to add. Set on every step that the payment status depends on. */
  ledger?: LedgerEntry[];
  /** Records the step only while the order has reserved stock. */
  requiresReservation?: boolean;
  /**
   * Set when no event of the step and no ledger entry but the intent can exist while the order has the preceding
   * version: the step then reads neither log nor ledger.
   */
  isFirstOutcome?: boolean;
}

/** Receives each order whose placement may have been decided by a step, after its commit. */
export type PublishDecision = (order: Order) => void;

export interface OrderSteps {
  /** Locks the order and the head of its stream, and reads the order. @throws Error if it is not stored */
  lockOrder(id: string, tx: Tx): Promise<{ head: StreamHead; order: Order }>;
  /**
   * Records the step, its events and its ledger entries in one transaction. Idempotent: a recorded step changes nothing.
   * @throws Error if the order is not stored; EventKeyConflictError, LedgerKeyConflictError
   */
  record(step: OrderStep): Promise<StepResult>;
  /** Appends those events that are not recorded, with their effect; the order's own row stays unchanged. */
  recordEvents(
    orderId: string,
    effect: (tx: Tx) => Promise<DomainEvent[]>,
  ): Promise<Pick<StepResult, 'head'>>;
}

export function createOrderSteps(
  { db, log, orders, ledger }: Pick<Store, 'db' | 'log' | 'orders' | 'ledger'>,
  publishDecision: PublishDecision,
): OrderSteps {
  const lock = async (id: string, tx: Tx) => requireStored(id, await orders.lock(id, tx));
  const findStored = async (id: string, tx: Tx) => requireStored(id, await orders.find(id, tx));

  /** The outcome of a step that does not fit the version of the stored order. */
  const findOutcome = async (step: OrderStep, head: StreamHead, tx: Tx): Promise<StepResult> => {
    const order = await findStored(step.order.id, tx);
    const events = step.events(step.order, await ledger.findByOrder(order.id, tx)).slice(-1);
    const isRecorded = (await log.filterUnrecorded(events, tx)).length === 0;
    return { outcome: isRecorded ? 'recorded' : 'stale', head, order };
  };

  const apply = async (step: OrderStep, tx: Tx): Promise<StepResult> => {
    const { id, version } = step.order;
    const locked = await lock(id, tx);
    if (locked.version !== version - 1) return findOutcome(step, locked.head, tx);

    const added = step.ledger ?? [];
    const earlier = step.ledger === undefined || step.isFirstOutcome ? [] : await ledger.findByOrder(id, tx);
    const keys = new Set(earlier.map(({ key }) => key));
    const entries = [...earlier, ...added.filter(({ key }) => !keys.has(key))];
    const order = step.ledger === undefined ? step.order : withPaymentStatus(step.order, entries);

    const events = step.events(order, entries);
    const unrecorded = step.isFirstOutcome ? events : await log.filterUnrecorded(events, tx);
    const isNew = unrecorded.at(-1)?.key === events.at(-1)?.key;
    if (!isNew || !(await orders.update(order, tx, step.requiresReservation)))
      return findOutcome(step, locked.head, tx);
    const head = await log.append(locked.head, unrecorded, tx).catch((error: unknown) => {
      throw isDuplicate(error)
        ? new EventKeyConflictError(unrecorded.map(({ key }) => key).join(', '))
        : error;
    });
    await ledger.add(added, order.updatedAtMs, tx);
    return { outcome: 'recorded', head, ...(step.ledger === undefined ? {} : { payment: order.payment }) };
  };

  return {
    async lockOrder(id, tx) {
      const { head } = await lock(id, tx);
      return { head, order: await findStored(id, tx) };
    },

    async record(step) {
      const result = await db.write((tx) => apply(step, tx));
      const { payment = step.order.payment, order = { ...step.order, payment } } = result;
      const isCurrent = result.outcome === 'recorded' && order.version === step.order.version;
      if (isCurrent && DECISION_STATUSES.includes(order.status)) publishDecision(order);
      return result;
    },

    recordEvents: (orderId, effect) =>
      db.write(async (tx) => {
        const head = await log.lockHead(orderId, tx);
        return { head: await log.append(head, await log.filterUnrecorded(await effect(tx), tx), tx) };
      }),
  };
}

function requireStored<T>(id: string, stored: T | null): T {
  if (stored === null) throw new Error(`order ${id} is not in the database`);
  return stored;
}
