import type { RequestHandler } from 'express';
import { AppError } from '../../../domain/shared/errors';

export interface AdmissionLimits {
  /** Placements under way at once in this process. */
  placements: number;
  /** Orders that wait for a worker or for a payment to be tried, in all processes: more are not taken. */
  waitingOrders: number;
}

/** The server's count of waiting orders is asked for again when it is older than this and somebody wants to know. */
const COUNT_TTL_MS = 500;
/** The server keeps its counts for five seconds, so what was placed since may be missing from them. */
const MAX_COUNT_AGE_MS = 5_000 + COUNT_TTL_MS;
/** What is in the way of one more placement goes in seconds; a queue of orders takes longer. */
const RETRY_AFTER_BUSY_SECONDS = 2;
const RETRY_AFTER_BACKLOG_SECONDS = 10;

/**
 * Lets as many placements in as can be served in time and tells the others at once to come back: an order that is not
 * taken costs nothing, one that waits without end costs memory, and the customer's patience.
 */
export class Admission {
  private inFlight = 0;
  private waitingOrders = 0;
  private countedAtMs = Number.NEGATIVE_INFINITY;
  private isCounting = false;
  /** When orders were placed that may still be missing from the count: nothing is known of a worker that has them. */
  private readonly undecidedPlacedAtMs: number[] = [];

  /** @param countWaitingOrders what no worker has taken up yet. While it fails the count before stands. */
  constructor(
    private readonly limits: AdmissionLimits,
    private readonly countWaitingOrders: () => Promise<number>,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * Runs one placement. It counts for as long as it works, also when its client has gone.
   * @param placement comes to the order as it was decided, or null while it is not.
   * @throws Failure `overloaded`
   */
  async admit<T extends { order: unknown }>(placement: () => Promise<T>): Promise<T> {
    this.refreshWaitingCount();
    if (this.inFlight >= this.limits.placements) throw overloaded(RETRY_AFTER_BUSY_SECONDS);
    if (this.waitingOrders + this.countUndecided() >= this.limits.waitingOrders)
      throw overloaded(RETRY_AFTER_BACKLOG_SECONDS);
    this.inFlight += 1;
    const placedAtMs = this.now();
    try {
      const placed = await placement();
      if (placed.order === null) this.undecidedPlacedAtMs.push(placedAtMs);
      return placed;
    } finally {
      this.inFlight -= 1;
    }
  }

  private countUndecided(): number {
    while ((this.undecidedPlacedAtMs[0] ?? Number.POSITIVE_INFINITY) < this.now() - MAX_COUNT_AGE_MS)
      this.undecidedPlacedAtMs.shift();
    return this.undecidedPlacedAtMs.length;
  }

  /** In the background: nobody waits for it. */
  private refreshWaitingCount(): void {
    const ageMs = this.now() - this.countedAtMs;
    if (this.isCounting || ageMs < COUNT_TTL_MS) return;
    // Nobody has asked for so long: it says nothing of now, and would turn away whoever comes first.
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

/** Bounds the requests of all kinds that are under way in this process. */
export function limitConcurrency(requests: number): RequestHandler {
  let underWay = 0;
  return (_req, res, next) => {
    if (underWay >= requests) throw overloaded(RETRY_AFTER_BUSY_SECONDS);
    underWay += 1;
    res.once('close', () => {
      underWay -= 1;
    });
    next();
  };
}

const overloaded = (retryAfterSeconds: number): AppError =>
  new AppError(
    'overloaded',
    'There is more to do than can be done at the moment. Nothing was changed; the same request can be repeated.',
    { retryAfterSeconds },
  );
