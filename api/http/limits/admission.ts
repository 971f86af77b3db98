import type { Response } from 'express';
import { AppError } from '../../../domain/shared/errors';

export interface AdmissionLimits {
  /** Concurrent placements in this process. */
  placements: number;
  /** Accepted orders that no worker has started, over all processes. */
  waitingOrders: number;
}

/** Age after which the next placement refreshes the count of waiting orders. */
const COUNT_TTL_MS = 500;
/** Temporal caches its counts for five seconds: orders placed since may be missing. */
const MAX_COUNT_AGE_MS = 5_000 + COUNT_TTL_MS;
/** A running placement completes within seconds; a backlog of orders takes longer. */
const RETRY_AFTER_BUSY_SECONDS = 2;
const RETRY_AFTER_BACKLOG_SECONDS = 10;

/**
 * Admits as many placements as can be served in time and rejects the others immediately: a rejected placement costs
 * nothing, a queued one costs memory and makes its customer wait.
 */
export class Admission {
  private inFlight = 0;
  private waitingOrders = 0;
  private countedAtMs = Number.NEGATIVE_INFINITY;
  private isCounting = false;
  /** Placement times of undecided orders that may be missing from the count. */
  private readonly undecidedPlacedAtMs: number[] = [];

  /**
   * @param countWaitingOrders orders that no worker has started. While it fails, the previous count is used.
   * @param countEagerStarts undecided orders whose start went to a worker of this process: they never enter the backlog.
   */
  constructor(
    private readonly limits: AdmissionLimits,
    private readonly countWaitingOrders: () => Promise<number>,
    private readonly countEagerStarts: () => number = () => 0,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * Runs one placement. It counts until it completes, even after its client has disconnected.
   * @param placement returns the decided order, or null while it is undecided.
   * @throws AppError `overloaded`
   */
  async admit<T extends { order: unknown }>(placement: () => Promise<T>): Promise<T> {
    this.refreshWaitingCount();
    if (this.inFlight >= this.limits.placements) throw overloaded(RETRY_AFTER_BUSY_SECONDS);
    if (this.waitingOrders + this.countUndecided() >= this.limits.waitingOrders)
      throw overloaded(RETRY_AFTER_BACKLOG_SECONDS);
    this.inFlight += 1;
    const placedAtMs = this.now();
    try {
      const result = await placement();
      if (result.order === null) this.undecidedPlacedAtMs.push(placedAtMs);
      return result;
    } finally {
      this.inFlight -= 1;
    }
  }

  /** An order that was started eagerly and answered as undecided is in both counts. */
  private countUndecided(): number {
    while ((this.undecidedPlacedAtMs[0] ?? Number.POSITIVE_INFINITY) < this.now() - MAX_COUNT_AGE_MS)
      this.undecidedPlacedAtMs.shift();
    return Math.max(this.undecidedPlacedAtMs.length, this.countEagerStarts());
  }

  /** In the background: placements do not wait for the count. */
  private refreshWaitingCount(): void {
    const ageMs = this.now() - this.countedAtMs;
    if (this.isCounting || ageMs < COUNT_TTL_MS) return;
    // An outdated count must not reject the first placement after a pause.
    if (ageMs > MAX_COUNT_AGE_MS) this.waitingOrders = 0;
    this.isCounting = true;
    this.countWaitingOrders()
      .then((waiting) => {
        this.waitingOrders = waiting;
      })
      .catch(() => undefined)
      .finally(() => {
        this.isCounting = false;
        this.countedAtMs = this.now();
      });
  }
}

/** Bounds the concurrent requests of this process: a request counts until its response is closed. @throws AppError `overloaded` */
export function limitConcurrency(requests: number): (res: Response) => void {
  let active = 0;
  const release = () => {
    active -= 1;
  };
  return (res) => {
    if (active >= requests) throw overloaded(RETRY_AFTER_BUSY_SECONDS);
    active += 1;
    res.once('close', release);
  };
}

const overloaded = (retryAfterSeconds: number): AppError =>
  new AppError(
    'overloaded',
    'The service is at capacity. Nothing was changed. Send the same request again after the time in Retry-After.',
    { retryAfterSeconds },
  );
