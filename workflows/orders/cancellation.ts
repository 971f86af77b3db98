import { CancellationScope, setHandler } from '@temporalio/workflow';
import type { Actor, Cancellation } from '../../domain/orders/order';
import { createTemporalCancellation, parseCancelRequest } from '../../domain/orders/order-changes';
import { can } from '../../domain/orders/transitions';
import { cancelOrder } from './messages';
import { type OrderState, orderActivities } from './order-state';

/**
 * Requests to cancel the order: the `cancelOrder` signal and Temporal's own cancel are equivalent. The first accepted
 * request counts; a rejected request is recorded and changes nothing.
 */
export class CancellationRequests {
  requested: Cancellation | undefined;
  private closedReason: string | undefined;
  private listener: () => void = () => undefined;
  private readonly rejectedCounts = new Map<Actor['kind'], number>();
  private pendingWrites: Promise<unknown> = Promise.resolve();

  /** Must be created in the root scope of the workflow, before the first await. */
  constructor(private readonly orderState: OrderState) {
    setHandler(cancelOrder, (request) => this.handleRequest(parseCancelRequest(request, Date.now())));
    CancellationScope.current().cancelRequested.catch(() =>
      CancellationScope.nonCancellable(async () =>
        this.handleRequest(createTemporalCancellation(Date.now())),
      ),
    );
  }

  /** Calls `listener` when cancellation is requested; at once if it was requested earlier. */
  onRequest(listener: () => void): void {
    this.listener = listener;
    if (this.requested !== undefined) listener();
  }

  /** Resumes a cancellation that an earlier run recorded. */
  resume(stored: Cancellation): void {
    this.requested ??= stored;
  }

  /** Rejects all later requests with `reason`. */
  close(reason: string): void {
    this.closedReason = reason;
  }

  /** Accepts requests again, after a stale run resumes. */
  reopen(): void {
    this.closedReason = undefined;
  }

  /** Waits until all rejected requests are recorded. */
  async flushRejections(): Promise<void> {
    let awaited: Promise<unknown>;
    do {
      awaited = this.pendingWrites;
      await awaited;
    } while (awaited !== this.pendingWrites);
  }

  private handleRequest(request: Cancellation): void {
    if (this.requested !== undefined) return;
    const permission = can(this.orderState.order, 'cancel', request.requestedBy);
    const rejection = this.closedReason ?? (permission.allowed ? undefined : permission.reason);
    if (rejection === undefined) {
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
            reason: rejection,
          }),
        ),
      ),
    );
  }
}
