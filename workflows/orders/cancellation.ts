import { CancellationScope, setHandler } from '@temporalio/workflow';
import type { Actor, Cancellation } from '../../domain/orders/order';
import { readCancelRequest, temporalCancel } from '../../domain/orders/order-changes';
import { can } from '../../domain/orders/transitions';
import { cancelOrder } from '../messages';
import { type OrderDesk, steps } from './order-desk';

/**
 * The wish to cancel an order, from wherever it comes: the `cancelOrder` signal and Temporal's own cancel mean the same.
 * The first one counts; what comes too late is written down and changes nothing.
 */
export class CancellationRequests {
  requested: Cancellation | undefined;
  private closedBecause: string | undefined;
  private react: () => void = () => undefined;
  private readonly refused = new Map<Actor['kind'], number>();
  private writing: Promise<unknown> = Promise.resolve();

  /** To be made at the root of the workflow, before anything is awaited. */
  constructor(private readonly desk: OrderDesk) {
    setHandler(cancelOrder, (request) => this.take(readCancelRequest(request, Date.now())));
    CancellationScope.current().cancelRequested.catch(() =>
      CancellationScope.nonCancellable(async () => this.take(temporalCancel(Date.now()))),
    );
  }

  /** Calls `react` when cancellation is asked for; at once if it has been. */
  onRequest(react: () => void): void {
    this.react = react;
    if (this.requested !== undefined) react();
  }

  /** The order was being cancelled when this run took it up. */
  resume(stored: Cancellation): void {
    this.requested ??= stored;
  }

  /** From now on the order ends another way. */
  close(because: string): void {
    this.closedBecause = because;
  }

  /** It does not end that way after all. */
  reopen(): void {
    this.closedBecause = undefined;
  }

  /** Waits until every refusal is in the log. */
  async recorded(): Promise<void> {
    let seen: Promise<unknown>;
    do {
      seen = this.writing;
      await seen;
    } while (seen !== this.writing);
  }

  private take(request: Cancellation): void {
    if (this.requested !== undefined) return;
    const permission = can(this.desk.order, 'cancel', request.requestedBy);
    const refusal = this.closedBecause ?? (permission.allowed ? undefined : permission.reason);
    if (refusal === undefined) {
      this.requested = request;
      this.react();
      return;
    }
    const { kind } = request.requestedBy;
    const n = (this.refused.get(kind) ?? 0) + 1;
    this.refused.set(kind, n);
    const { order } = this.desk;
    this.writing = this.writing.then(() =>
      CancellationScope.nonCancellable(() =>
        this.desk.persist('record a refused cancellation', () =>
          steps.recordRefusal({
            order: { ...order, updatedAtMs: request.requestedAtMs },
            refused: request,
            n,
            why: refusal,
          }),
        ),
      ),
    );
  }
}
