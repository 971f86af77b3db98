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
import * as orderChanges from '../../domain/orders/order-changes';
import type { OrderPolicy } from '../../domain/shared/policy';
import { publicFailureMessage } from '../../domain/shared/public-failure-message';
import { searchAttributes } from '../shared/search-attributes';
import { formatOrderDetails } from './order-details';

/** Short SQL transactions, run as local activities: one history event each. */
export const orderActivities = proxyLocalActivities<OrderActivities>({
  startToCloseTimeout: '5s',
  retry: { initialInterval: '50ms', backoffCoefficient: 4, maximumAttempts: 4 },
});

const INITIAL_BACKOFF_MS = 1_000;

/** The stored order is ahead of this run, because a run before a reset changed it. The run resumes from the stored order. */
export class StaleRunError extends Error {
  override readonly name = 'StaleRunError';
}

/** The stored order is closed by a run before a reset. Nothing remains to be done. */
export class OrderClosedError extends Error {
  override readonly name = 'OrderClosedError';
}

/**
 * The order of this workflow. Every change is a pure function, followed by the transaction that stores its result.
 * Changes are serialized, so that versions are consecutive.
 */
export class OrderState {
  /** The order at the time of the placement decision. */
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
   * Changes the order and stores it; retries until it succeeds. If the stored order is ahead because the result of a step
   * was lost, applies the change to the stored order.
   * @throws StaleRunError if this run cannot have produced the stored status; OrderClosedError
   */
  applyChange(
    step: string,
    change: (order: Order) => Order,
    store: (order: Order) => Promise<StepResult>,
  ): Promise<void> {
    const applied = this.lastChange.then(async () => {
      for (;;) {
        const before = this.order;
        const next = change(before);
        const result = await this.persist(step, () => store(next));
        const { outcome, payment = next.payment, order: stored = { ...next, payment } } = result;
        this.syncFromStore(stored, next);
        const expected = outcome === 'recorded' ? next.status : before.status;
        if (stored.status !== expected || outcome === 'reservation_released') throw new StaleRunError();
        if (outcome === 'recorded') return;
      }
    });
    this.lastChange = applied.catch(() => undefined);
    return applied;
  }

  /** Runs a transaction until it commits. While the database is unavailable, each round costs one timer. */
  async persist<T>(step: string, write: () => Promise<T>): Promise<T> {
    for (let pauseMs = INITIAL_BACKOFF_MS; ; pauseMs = Math.min(2 * pauseMs, this.policy.retryMaxMs)) {
      try {
        const result = await write();
        this.setOutage(undefined);
        return result;
      } catch (error) {
        // A failed local activity throws its own failure, without an ActivityFailure around it.
        if (!(error instanceof TemporalFailure)) throw error;
        // For the Web UI only: the message may name internal hosts.
        this.setOutage(`${step}: ${getRootCause(error).message.slice(0, 200)}`);
        await sleep(pauseMs, { summary: `database unavailable: ${step}` });
      }
    }
  }

  /** Flags the order because `step` keeps failing; null clears the flag. */
  setAttention(step: string, detail: string | null): Promise<void> {
    const sinceMs = Date.now();
    return this.applyChange(
      'update the attention flag',
      (o) => orderChanges.setAttention(o, detail === null ? null : { step, detail, sinceMs }, sinceMs),
      (order) => orderActivities.recordAttention({ order, attention: order.attention, step }),
    );
  }

  /** Replaces the state with the stored order. @throws OrderClosedError if it is closed with another status than expected. */
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

  /** Sends changed values only, in one command: each command costs a history event. */
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

/** The reason of a failed activity, safe to show to readers of the order. */
export function describeFailure(failure: TemporalFailure): string {
  const cause = getRootCause(failure);
  return publicFailureMessage({
    type: cause instanceof ApplicationFailure ? cause.type : null,
    message: cause.message,
    isTimeout: cause instanceof TimeoutFailure,
  });
}
