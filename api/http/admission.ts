import type { RequestHandler } from 'express';
import { Failure } from '../../domain/shared/failures';

export interface AdmissionLimits {
  /** Placements under way at once in this process. */
  placements: number;
  /** Orders that wait for a worker or for a payment to be tried, in all processes: more are not taken. */
  waitingOrders: number;
}

/** The server's count of waiting orders is asked for again when it is older than this and somebody wants to know. */
const COUNT_VALID_MS = 500;
/** The server keeps its counts for five seconds, so what was placed since may be missing from them. */
const COUNT_AGE_MS = 5_000 + COUNT_VALID_MS;
/** What is in the way of one more placement goes in seconds; a queue of orders takes longer. */
const RETRY_SOON_S = 2;
const RETRY_LATER_S = 10;

/**
 * Lets as many placements in as can be served in time and tells the others at once to come back: an order that is not
 * taken costs nothing, one that waits without end costs memory, and the customer's patience.
 */
export class Admission {
  private underWay = 0;
  private waiting = 0;
  private countedAtMs = Number.NEGATIVE_INFINITY;
  private counting = false;
  /** When orders were placed that may still be missing from the count: nothing is known of a worker that has them. */
  private readonly undecided: number[] = [];

  /** @param countWaiting what no worker has taken up yet. While it fails the count before stands. */
  constructor(
    private readonly limits: AdmissionLimits,
    private readonly countWaiting: () => Promise<number>,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * Runs one placement. It counts for as long as it works, also when its client has gone.
   * @param placement comes to the order as it was decided, or null while it is not.
   * @throws Failure `overloaded`
   */
  async place<T extends { order: unknown }>(placement: () => Promise<T>): Promise<T> {
    this.count();
    if (this.underWay >= this.limits.placements) throw overloaded(RETRY_SOON_S);
    if (this.waiting + this.uncounted() >= this.limits.waitingOrders) throw overloaded(RETRY_LATER_S);
    this.underWay += 1;
    const placedAtMs = this.now();
    try {
      const placed = await placement();
      if (placed.order === null) this.undecided.push(placedAtMs);
      return placed;
    } finally {
      this.underWay -= 1;
    }
  }

  private uncounted(): number {
    while ((this.undecided[0] ?? Number.POSITIVE_INFINITY) < this.now() - COUNT_AGE_MS)
      this.undecided.shift();
    return this.undecided.length;
  }

  /** In the background: nobody waits for it. */
  private count(): void {
    const ageMs = this.now() - this.countedAtMs;
    if (this.counting || ageMs < COUNT_VALID_MS) return;
    // Nobody has asked for so long: it says nothing of now, and would turn away whoever comes first.
    if (ageMs > COUNT_AGE_MS) this.waiting = 0;
    this.counting = true;
    this.countWaiting()
      .then((waiting) => {
        this.waiting = waiting;
      })
      .catch(() => undefined)
      .finally(() => {
        this.counting = false;
        this.countedAtMs = this.now();
      });
  }
}

/** Bounds the requests of all kinds that are under way in this process. */
export function atMost(requests: number): RequestHandler {
  let underWay = 0;
  return (_req, res, next) => {
    if (underWay >= requests) throw overloaded(RETRY_SOON_S);
    underWay += 1;
    res.once('close', () => {
      underWay -= 1;
    });
    next();
  };
}

const overloaded = (retryAfterSeconds: number): Failure =>
  new Failure(
    'overloaded',
    'There is more to do than can be done at the moment. Nothing was changed; the same request can be repeated.',
    { retryAfterSeconds },
  );
