import {
  ApplicationFailure,
  allHandlersFinished,
  condition,
  continueAsNew,
  proxyLocalActivities,
  setCurrentDetails,
  sleep,
  TemporalFailure,
  TimeoutFailure,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { StepResult } from '../../activities/order-steps';
import type { OrderActivities } from '../../activities/orders';
import { isDecided, type Order } from '../../domain/orders/order';
import { publicFailureMessage } from '../../domain/shared/public-failure-message';
import { searchAttributes } from '../shared/search-attributes';
import type { Command, OrderInput, OrderResult } from './messages';
import { formatOrderDetails } from './order-details';

/** Short SQL transactions, run as local activities: one history event each. */
export const orderActivities = proxyLocalActivities<OrderActivities>({
  startToCloseTimeout: '5s',
  retry: { initialInterval: '50ms', backoffCoefficient: 4, maximumAttempts: 4 },
});

const INITIAL_BACKOFF_MS = 1_000;

/** The order of this workflow. Every change is a pure function, followed by the transaction that stores its result. */
export class OrderState {
  order: Order;
  /** Whether a payment may exist that a cancellation has to reverse. */
  hasPaymentAttempt = false;
  private decision: Order | undefined;
  /** The version that the last step found in the store. */
  private storedVersion = 0;
  private outage: string | undefined;

  constructor(readonly input: OrderInput) {
    this.order = input.order;
    this.updateCurrentDetails();
  }

  /** Changes the order and stores it; retries until it succeeds. @throws ApplicationFailure `StaleRun` */
  async applyChange(
    step: string,
    change: (order: Order) => Order,
    store: (order: Order) => Promise<StepResult>,
  ): Promise<void> {
    if (!(await this.tryChange(step, change, store))) throw this.createStaleRunFailure();
  }

  /** Like `applyChange`. @returns false if the stored order is ahead: nothing was changed. */
  async tryChange(
    step: string,
    change: (order: Order) => Order,
    store: (order: Order) => Promise<StepResult>,
  ): Promise<boolean> {
    const next = change(this.order);
    const result = await this.persist(step, () => store(next));
    const { outcome, payment = next.payment, order: stored = { ...next, payment } } = result;
    this.storedVersion = stored.version;
    if (outcome === 'stale') return false;
    // A repeated step may be followed by others that are stored as well: they are repeated next.
    this.adopt(stored.status === next.status ? stored : { ...next, payment });
    return true;
  }

  /** Runs a transaction until it commits. While the database is unavailable, each round costs one timer. */
  async persist<T>(step: string, write: () => Promise<T>): Promise<T> {
    const { retryMaxMs } = this.input.policy;
    for (let pauseMs = INITIAL_BACKOFF_MS; ; pauseMs = Math.min(2 * pauseMs, retryMaxMs)) {
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
  async setAttention(step: string, detail: string | null): Promise<void> {
    const atMs = Date.now();
    const attention = detail === null ? null : { step, detail, sinceMs: atMs };
    const { outcome, order } = await this.persist('update the attention flag', () =>
      orderActivities.recordAttention({ order: this.order, attention, step, atMs }),
    );
    if (outcome === 'recorded' && order !== undefined) this.adopt(order);
  }

  /** Replaces the state with an order that is stored. */
  adopt(stored: Order): void {
    const before = this.order;
    this.order = stored;
    this.storedVersion = Math.max(this.storedVersion, stored.version);
    if (isDecided(stored.status)) this.decision ??= stored;
    this.updateCurrentDetails();
    this.updateSearchAttributes(before);
  }

  async waitForDecision(): Promise<Order> {
    await condition(() => this.decision !== undefined);
    return this.decision ?? this.order;
  }

  /** A run may repeat stored steps, but must not wait with an outdated order. @throws ApplicationFailure `StaleRun` */
  assertCurrent(): void {
    if (this.storedVersion > this.order.version) throw this.createStaleRunFailure();
  }

  /** The new run resumes from the stored order. @throws ContinueAsNew when the history becomes long. */
  async continueAsNewIfSuggested(commands: readonly Command[] = []): Promise<void> {
    if (!workflowInfo().continueAsNewSuggested) return;
    await condition(allHandlersFinished);
    const input = { ...this.input, commands };
    await continueAsNew<(input: OrderInput) => Promise<OrderResult>>(input);
  }

  createStaleRunFailure(): ApplicationFailure {
    const { id, status, version } = this.order;
    return ApplicationFailure.nonRetryable(
      `The stored order is at version ${this.storedVersion}; this run knows ${id} as ${status}, version ${version}. Reconciliation starts a new run from the stored order.`,
      'StaleRun',
    );
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
