import { CancellationScope, setHandler } from '@temporalio/workflow';
import type { Actor, Cancellation } from '../../domain/orders/order';
import { createTemporalCancellation, parseCancelRequest } from '../../domain/orders/order-changes';
import { can } from '../../domain/orders/transitions';
import { cancelOrder } from './messages';
import { type OrderState, orderActivities } from './order-state';

/**
 * The wish to cancel an order, from wherever it comes: the `cancelOrder` signal and Temporal's own cancel mean the same.
 * The first one counts; what comes too late is written down and changes nothing.
 */
export class CancellationRequests {
  requested: Cancellation | undefined;
  private closedReason: string | undefined;
  private listener: () => void = () => undefined;
  private readonly rejectedCounts = new Map<Actor['kind'], number>();
  private pendingWrites: Promise<unknown> = Promise.resolve();

  /** To be made at the root of the workflow, before anything is awaited. */
  constructor(private readonly orderState: OrderState) {
    setHandler(cancelOrder, (request) => this.handleRequest(parseCancelRequest(request, Date.now())));
    CancellationScope.current().cancelRequested.catch(() =>
      CancellationScope.nonCancellable(async () =>
        this.handleRequest(createTemporalCancellation(Date.now())),
      ),
    );
  }

  /** Calls `react` when cancellation is asked for; at once if it has been. */
  onRequest(react: () => void): void {
    this.listener = react;
    if (this.requested !== undefined) react();
  }

  /** The order was being cancelled when this run took it up. */
  resume(stored: Cancellation): void {
    this.requested ??= stored;
  }

  /** From now on the order ends another way. */
  close(because: string): void {
    this.closedReason = because;
  }

  /** It does not end that way after all. */
  reopen(): void {
    this.closedReason = undefined;
  }

  /** Waits until every refusal is in the log. */
  async flushRejections(): Promise<void> {
    let seen: Promise<unknown>;
    do {
      seen = this.pendingWrites;
      await seen;
    } while (seen !== this.pendingWrites);
  }

  private handleRequest(request: Cancellation): void {
    if (this.requested !== undefined) return;
    const permission = can(this.orderState.order, 'cancel', request.requestedBy);
    const refusal = this.closedReason ?? (permission.allowed ? undefined : permission.reason);
    if (refusal === undefined) {
      this.requested = request;
      this.listener();
      return;
    }
    const { kind } = request.requestedBy;
    const n = (this.rejectedCounts.get(kind) ?? 0) + 1;
    this.rejectedCounts.set(kind, n);
    const { order } = this.orderState;
    this.pendingWrites = this.pendingWrites.then(() =>
      CancellationScope.nonCancellable(() =>
        this.orderState.persist('record a rejected cancellation', () =>
          orderActivities.recordCancellationRejection({
            order: { ...order, updatedAtMs: request.requestedAtMs },
            request,
            n,
            reason: refusal,
          }),
        ),
      ),
    );
  }
}
