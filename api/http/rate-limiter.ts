import { createHmac } from 'node:crypto';
import type { Logger } from 'pino';
import type { Bucket, RateLimits } from '../../db/auth/rate-limits';

/** How often something may be done by one caller. */
export interface Limit {
  /** Part of the `RateLimit` header. */
  name: string;
  /** In a window; 0: as often as one likes. */
  requests: number;
  /** Windows begin at whole multiples of this, the same in every process. */
  windowMs: number;
}

export interface Verdict {
  allowed: boolean;
  limit: Limit;
  /** What is left in this window, as far as this process knows. */
  left: number;
  /** Until the window is over. */
  resetMs: number;
}

/** What this process has taken from a bucket and not used yet. */
interface Lease {
  bucket: Bucket;
  mine: number;
  /** What this process has let pass in this window. */
  served: number;
  /** Left for everybody when something was last taken. */
  shared: number;
  /** Under way: who comes meanwhile waits for it. */
  taking?: Promise<void> | undefined;
}

export interface RateLimiterOptions {
  store: RateLimits;
  /** Of the hashes by which callers are counted in SQL: addresses are stored nowhere. */
  key: Buffer;
  log: Logger;
  now?: () => number;
}

/**
 * A process takes shares of a limit, so that SQL hears of one request in many: the first one small, then as much as it has
 * served, at most the largest. What it does not use is lost to the others until the window is over: never more than the
 * limit passes, in all processes together, and one that dies again and again does not use it up.
 */
const FIRST_SHARE = 1 / 200;
const LARGEST_SHARE = 1 / 20;
/** Callers remembered at once; who is forgotten takes anew. */
const MAX_LEASES = 50_000;
const FORGET_EVERY_MS = 60_000;

/** Counts what callers do, in windows of fixed length, exactly over any number of API processes. */
export class RateLimiter {
  /** By limit and caller, least recently used first. */
  private readonly leases = new Map<string, Lease>();
  private nextForgetMs = 0;

  constructor(private readonly options: RateLimiterOptions) {}

  /** Counts one more time that `caller` does it. */
  async count(limit: Limit, caller: string): Promise<Verdict> {
    const { now = Date.now } = this.options;
    const nowMs = now();
    const endsAtMs = (Math.floor(nowMs / limit.windowMs) + 1) * limit.windowMs;
    const verdict = (allowed: boolean, left: number): Verdict => ({
      allowed,
      limit,
      left,
      resetMs: endsAtMs - nowMs,
    });
    if (limit.requests === 0) return verdict(true, 0);
    const lease = this.leaseOf(limit, caller, endsAtMs);
    // Whoever waited for what another took may find it used up, and takes again.
    while (lease.mine === 0 && lease.shared > 0) await this.take(lease, nowMs);
    if (lease.mine === 0) return verdict(false, 0);
    lease.mine -= 1;
    lease.served += 1;
    return verdict(true, lease.mine + lease.shared);
  }

  private leaseOf(limit: Limit, caller: string, endsAtMs: number): Lease {
    const key = `${limit.name} ${limit.windowMs} ${caller}`;
    const known = this.leases.get(key);
    const lease = known?.bucket.endsAtMs === endsAtMs ? known : this.newLease(limit, caller, endsAtMs);
    this.leases.delete(key);
    this.leases.set(key, lease);
    if (this.leases.size > MAX_LEASES) this.leases.delete(this.leases.keys().next().value as string);
    return lease;
  }

  private newLease({ name, windowMs, requests }: Limit, caller: string, endsAtMs: number): Lease {
    const id = createHmac('sha256', this.options.key)
      .update(JSON.stringify([name, windowMs, caller, endsAtMs]))
      .digest('hex');
    return { bucket: { id, limit: requests, endsAtMs }, mine: 0, served: 0, shared: requests };
  }

  private take(lease: Lease, nowMs: number): Promise<void> {
    lease.taking ??= this.takeFrom(lease, nowMs).finally(() => {
      lease.taking = undefined;
    });
    return lease.taking;
  }

  private async takeFrom(lease: Lease, nowMs: number): Promise<void> {
    const { store, log } = this.options;
    const { bucket } = lease;
    const share = Math.min(Math.floor(bucket.limit * LARGEST_SHARE), lease.served);
    const units = Math.max(1, Math.floor(bucket.limit * FIRST_SHARE), share);
    try {
      const { taken, left } = await store.take(bucket, units);
      lease.mine += taken;
      lease.shared = left;
    } catch (error) {
      // A database that is away must not make a limit of its own: until it is back each process counts for itself.
      log.warn({ err: error }, 'a limit could not be counted with the other processes');
      lease.mine += Math.min(units, lease.shared);
      lease.shared = Math.max(0, lease.shared - units);
    }
    this.forgetNowAndThen(nowMs);
  }

  /** Nobody waits for it, and what it misses it finds the next time. */
  private forgetNowAndThen(nowMs: number): void {
    if (nowMs < this.nextForgetMs) return;
    this.nextForgetMs = nowMs + FORGET_EVERY_MS;
    for (const [key, { bucket }] of this.leases) if (bucket.endsAtMs <= nowMs) this.leases.delete(key);
    const { store, log } = this.options;
    store
      .forget(nowMs)
      .catch((error: unknown) => log.warn({ err: error }, 'old limits could not be removed'));
  }
}
