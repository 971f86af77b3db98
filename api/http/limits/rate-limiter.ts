import { createHmac } from 'node:crypto';
import type { Logger } from 'pino';
import type { Bucket, RateLimits } from '../../../db/auth/rate-limits';

/** How often something may be done by one caller. */
export interface RateLimit {
  /** Part of the `RateLimit` header. */
  name: string;
  /** In a window; 0: as often as one likes. */
  requests: number;
  /** Windows begin at whole multiples of this, the same in every process. */
  windowMs: number;
}

export interface RateLimitResult {
  allowed: boolean;
  limit: RateLimit;
  /** What is left in this window, as far as this process knows. */
  remaining: number;
  /** Until the window is over. */
  resetMs: number;
}

/** What this process has taken from a bucket and not used yet. */
interface Lease {
  bucket: Bucket;
  leased: number;
  /** What this process has let pass in this window. */
  used: number;
  /** Left for everybody when something was last taken. */
  bucketRemaining: number;
  /** Under way: who comes meanwhile waits for it. */
  pendingAcquire?: Promise<void> | undefined;
}

export interface RateLimiterOptions {
  store: RateLimits;
  /** Of the hashes by which callers are counted in SQL: addresses are stored nowhere. */
  hashKey: Buffer;
  log: Logger;
  now?: () => number;
}

/**
 * A process takes shares of a limit, so that SQL hears of one request in many: the first one small, then as much as it has
 * served, at most the largest. What it does not use is lost to the others until the window is over: never more than the
 * limit passes, in all processes together, and one that dies again and again does not use it up.
 */
const INITIAL_SHARE = 1 / 200;
const MAX_SHARE = 1 / 20;
/** Callers remembered at once; who is forgotten takes anew. */
const MAX_LEASES = 50_000;
const EVICTION_INTERVAL_MS = 60_000;

/** Counts what callers do, in windows of fixed length, exactly over any number of API processes. */
export class RateLimiter {
  /** By limit and caller, least recently used first. */
  private readonly leases = new Map<string, Lease>();
  private nextEvictionAtMs = 0;

  constructor(private readonly options: RateLimiterOptions) {}

  /** Counts one more time that `caller` does it. */
  async consume(limit: RateLimit, caller: string): Promise<RateLimitResult> {
    const { now = Date.now } = this.options;
    const nowMs = now();
    const endsAtMs = (Math.floor(nowMs / limit.windowMs) + 1) * limit.windowMs;
    const verdict = (allowed: boolean, left: number): RateLimitResult => ({
      allowed,
      limit,
      remaining: left,
      resetMs: endsAtMs - nowMs,
    });
    if (limit.requests === 0) return verdict(true, 0);
    const lease = this.getLease(limit, caller, endsAtMs);
    // Whoever waited for what another took may find it used up, and takes again.
    while (lease.leased === 0 && lease.bucketRemaining > 0) await this.acquire(lease, nowMs);
    if (lease.leased === 0) return verdict(false, 0);
    lease.leased -= 1;
    lease.used += 1;
    return verdict(true, lease.leased + lease.bucketRemaining);
  }

  private getLease(limit: RateLimit, caller: string, endsAtMs: number): Lease {
    const key = `${limit.name} ${limit.windowMs} ${caller}`;
    const known = this.leases.get(key);
    const lease = known?.bucket.endsAtMs === endsAtMs ? known : this.createLease(limit, caller, endsAtMs);
    this.leases.delete(key);
    this.leases.set(key, lease);
    if (this.leases.size > MAX_LEASES) this.leases.delete(this.leases.keys().next().value as string);
    return lease;
  }

  private createLease({ name, windowMs, requests }: RateLimit, caller: string, endsAtMs: number): Lease {
    const id = createHmac('sha256', this.options.hashKey)
      .update(JSON.stringify([name, windowMs, caller, endsAtMs]))
      .digest('hex');
    return { bucket: { id, limit: requests, endsAtMs }, leased: 0, used: 0, bucketRemaining: requests };
  }

  private acquire(lease: Lease, nowMs: number): Promise<void> {
    lease.pendingAcquire ??= this.acquireFromBucket(lease, nowMs).finally(() => {
      lease.pendingAcquire = undefined;
    });
    return lease.pendingAcquire;
  }

  private async acquireFromBucket(lease: Lease, nowMs: number): Promise<void> {
    const { store, log } = this.options;
    const { bucket } = lease;
    const share = Math.min(Math.floor(bucket.limit * MAX_SHARE), lease.used);
    const units = Math.max(1, Math.floor(bucket.limit * INITIAL_SHARE), share);
    try {
      const { taken, left } = await store.consume(bucket, units);
      lease.leased += taken;
      lease.bucketRemaining = left;
    } catch (error) {
      // A database that is away must not make a limit of its own: until it is back each process counts for itself.
      log.warn({ err: error }, 'a limit could not be counted with the other processes');
      lease.leased += Math.min(units, lease.bucketRemaining);
      lease.bucketRemaining = Math.max(0, lease.bucketRemaining - units);
    }
    this.evictExpired(nowMs);
  }

  /** Nobody waits for it, and what it misses it finds the next time. */
  private evictExpired(nowMs: number): void {
    if (nowMs < this.nextEvictionAtMs) return;
    this.nextEvictionAtMs = nowMs + EVICTION_INTERVAL_MS;
    for (const [key, { bucket }] of this.leases) if (bucket.endsAtMs <= nowMs) this.leases.delete(key);
    const { store, log } = this.options;
    store
      .removeExpired(nowMs)
      .catch((error: unknown) => log.warn({ err: error }, 'old limits could not be removed'));
  }
}
