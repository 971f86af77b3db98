import type { Order } from '../../domain/orders/order';

/** One request that waits for the decision of an order. */
export interface DecisionSubscription {
  /** Resolves with the order of the next decision that this process commits; otherwise it stays pending. */
  decision: Promise<Order>;
  /** Ends the subscription. */
  close(): void;
}

/** Temporal's workflow task timeout: an undecided order then returns to the server's backlog, which is counted there. */
const EAGER_TASK_TIMEOUT_MS = 10_000;

/**
 * Passes the decision of an order from the activity that committed it to the requests that wait for it, inside one
 * process. A decision of another process is never received.
 */
export class PlacementDecisions {
  /** Each entry belongs to a placement in progress, so MAX_PLACEMENTS bounds the number of entries. */
  private readonly waiters = new Map<string, Set<(order: Order) => void>>();
  /** Start times of the orders started eagerly; oldest first. Admission bounds their number. */
  private readonly eagerStarts = new Map<string, number>();

  constructor(private readonly now: () => number = Date.now) {}

  /** Call after the commit of a transaction that decided the order. */
  publish(order: Order): void {
    this.eagerStarts.delete(order.id);
    for (const resolve of this.waiters.get(order.id) ?? []) resolve(order);
  }

  /** Call before the order is started, so that no decision is missed. The caller must close the subscription. */
  subscribe(orderId: string): DecisionSubscription {
    const waiting = this.waiters.get(orderId) ?? new Set();
    this.waiters.set(orderId, waiting);
    let receive: (order: Order) => void;
    const decision = new Promise<Order>((resolve) => {
      receive = resolve;
      waiting.add(receive);
    });
    const close = () => {
      if (waiting.delete(receive) && waiting.size === 0) this.waiters.delete(orderId);
    };
    return { decision, close };
  }

  get waitingCount(): number {
    return this.waiters.size;
  }

  /** Call before the order is started eagerly. */
  addEagerStart(orderId: string): void {
    this.eagerStarts.set(orderId, this.now());
  }

  /** Call when the server did not start the order eagerly. */
  removeEagerStart(orderId: string): void {
    this.eagerStarts.delete(orderId);
  }

  /** Orders started eagerly that are undecided. Their tasks are missing from the backlog that Temporal counts. */
  countUndecidedEagerStarts(): number {
    const expiredMs = this.now() - EAGER_TASK_TIMEOUT_MS;
    for (const [orderId, startedAtMs] of this.eagerStarts) {
      if (startedAtMs >= expiredMs) break;
      this.eagerStarts.delete(orderId);
    }
    return this.eagerStarts.size;
  }
}
