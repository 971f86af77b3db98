import {
  ApplicationFailure,
  proxyLocalActivities,
  setCurrentDetails,
  sleep,
  TemporalFailure,
  TimeoutFailure,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { OrderActivities, StepResult } from '../../activities/orders';
import { isClosed, isDecided, type Order } from '../../domain/orders/order';
import * as changes from '../../domain/orders/order-changes';
import type { OrderPolicy } from '../../domain/shared/policy';
import { publicFailureMessage } from '../../domain/shared/public-failure-message';
import { searchAttributes } from '../shared/search-attributes';
import { formatOrderDetails } from './order-details';

/** Short transactions in the worker's own process: one event of history each. */
export const orderActivities = proxyLocalActivities<OrderActivities>({
  startToCloseTimeout: '5s',
  retry: { initialInterval: '50ms', backoffCoefficient: 4, maximumAttempts: 4 },
});

const INITIAL_BACKOFF_MS = 1_000;

/** The stored order was changed by a run that was reset: this one knows too little of it, and takes it up anew. */
export class StaleRunError extends Error {
  override readonly name = 'StaleRunError';
}

/** The stored order has ended although this run has not: somebody reset it. There is nothing left to do. */
export class OrderClosedError extends Error {
  override readonly name = 'OrderClosedError';
}

/**
 * The order as its workflow holds it, and the one way to change it: a pure change, then the transaction that stores it.
 * Changes are stored one after the other, so versions follow each other.
 */
export class OrderState {
  /** The order as it was when the placement was decided. */
  decision: Order | undefined;
  private outage: string | undefined;
  private lastChange: Promise<unknown> = Promise.resolve();

  constructor(
    public order: Order,
    private readonly policy: OrderPolicy,
  ) {
    this.updateCurrentDetails();
  }

  /**
   * Changes the order and stores it, for as long as that takes. Should the stored order be further (a step was stored
   * but its answer was lost), the change is made again on top of what is stored.
   * @throws StaleRunError when what is stored is in another state than this run can have brought it to; OrderClosedError
   */
  applyChange(
    step: string,
    changed: (order: Order) => Order,
    write: (order: Order) => Promise<StepResult>,
  ): Promise<void> {
    const change = this.lastChange.then(async () => {
      for (;;) {
        const before = this.order;
        const next = changed(before);
        const result = await this.persist(step, () => write(next));
        const { outcome, payment = next.payment, order: stored = { ...next, payment } } = result;
        this.syncFromStore(stored, next);
        const expected = outcome === 'recorded' ? next.status : before.status;
        if (stored.status !== expected || outcome === 'reservation_released') throw new StaleRunError();
        if (outcome === 'recorded') return;
      }
    });
    this.lastChange = change.catch(() => undefined);
    return change;
  }

  /** Runs a transaction until it goes through. While the database is away, one timer a round waits for it. */
  async persist<T>(step: string, write: () => Promise<T>): Promise<T> {
    for (let pauseMs = INITIAL_BACKOFF_MS; ; pauseMs = Math.min(2 * pauseMs, this.policy.retryMaxMs)) {
      try {
        const result = await write();
        this.setOutage(undefined);
        return result;
      } catch (error) {
        // A local activity that failed comes as its own failure, not wrapped as an ActivityFailure.
        if (!(error instanceof TemporalFailure)) throw error;
        // Shown in the Web UI only.
        this.setOutage(`${step}: ${getRootCause(error).message.slice(0, 200)}`);
        await sleep(pauseMs, { summary: `database away: ${step}` });
      }
    }
  }

  /** Says on the order that `step` keeps failing, or (null) that it does no more. */
  setAttention(step: string, detail: string | null): Promise<void> {
    const sinceMs = Date.now();
    return this.applyChange(
      'update the attention flag',
      (o) => changes.setAttention(o, detail === null ? null : { step, detail, sinceMs }, sinceMs),
      (order) => orderActivities.recordAttention({ order, attention: order.attention, step }),
    );
  }

  /** Takes over what is stored. @throws OrderClosedError when that has ended another way. */
  syncFromStore(stored: Order, expected: Order = stored): void {
    const before = this.order;
    this.order = stored;
    if (this.decision === undefined && isDecided(stored.status)) this.decision = stored;
    this.updateCurrentDetails();
    this.updateSearchAttributes(before);
    if (isClosed(stored.status) && stored.status !== expected.status) throw new OrderClosedError();
  }

  private setOutage(outage: string | undefined): void {
    if (this.outage === outage) return;
    this.outage = outage;
    this.updateCurrentDetails();
  }

  private updateCurrentDetails(): void {
    setCurrentDetails(formatOrderDetails(this.order, this.outage));
  }

  /** Only what changed, in one command: each costs an event of history. */
  private updateSearchAttributes(before: Order): void {
    const { status, payment, attention } = this.order;
    const changed = [
      ...(status === before.status ? [] : [{ key: searchAttributes.status, value: status as string }]),
      ...(payment === before.payment ? [] : [{ key: searchAttributes.payment, value: payment as string }]),
      ...((attention === null) === (before.attention === null)
        ? []
        : [{ key: searchAttributes.attention, value: attention !== null }]),
    ];
    if (changed.length > 0) upsertSearchAttributes(changed);
  }
}

function getRootCause(failure: TemporalFailure): Error {
  let cause: Error = failure;
  while (cause.cause instanceof Error) cause = cause.cause;
  return cause;
}

/** Why an activity failed, for whoever reads the order. */
export function describeFailure(failure: TemporalFailure): string {
  const cause = getRootCause(failure);
  return publicFailureMessage({
    type: cause instanceof ApplicationFailure ? cause.type : null,
    message: cause.message,
    isTimeout: cause instanceof TimeoutFailure,
  });
}
