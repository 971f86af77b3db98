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
  private rejectionReason: string | undefined;
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
  setRequestListener(listener: () => void): void {
    this.listener = listener;
    if (this.requested !== undefined) listener();
  }

  /** Resumes a cancellation that an earlier run recorded. */
  resume(stored: Cancellation): void {
    this.requested ??= stored;
  }

  /** Rejects all later requests with `reason`. */
  rejectRequests(reason: string): void {
    this.rejectionReason = reason;
  }

  /** Accepts requests again, when a stale run resumes. */
  acceptRequests(): void {
    this.rejectionReason = undefined;
  }

  /** Waits until all rejected requests are recorded. */
  async flushRejectedRequests(): Promise<void> {
    let awaited: Promise<unknown>;
    do {
      awaited = this.pendingWrites;
      await awaited;
    } while (awaited !== this.pendingWrites);
  }

  private handleRequest(request: Cancellation): void {
    if (this.requested !== undefined) return;
    const permission = can(this.orderState.order, 'cancel', request.requestedBy);
    const rejection = this.rejectionReason ?? (permission.allowed ? undefined : permission.reason);
    if (rejection === undefined) {
      this.requested = request;
      this.listener();
      return;
    }
    const { kind } = request.requestedBy;
    const sequence = (this.rejectedCounts.get(kind) ?? 0) + 1;
    this.rejectedCounts.set(kind, sequence);
    const { order } = this.orderState;
    this.pendingWrites = this.pendingWrites.then(() =>
      CancellationScope.nonCancellable(() =>
        this.orderState.persist('record a rejected cancellation', () =>
          orderActivities.recordCancellationRejection({
            order: { ...order, updatedAtMs: request.requestedAtMs },
            request,
            sequence,
            reason: rejection,
          }),
        ),
      ),
    );
  }
}
