import { createHmac } from 'node:crypto';
import type { Logger } from 'pino';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { RateLimits } from '../../../db/auth/rate-limits';

/** Requests a minute; `mailbox`: mails an hour. 0 disables a limit. */
export interface RateLimitSettings {
  /** All requests from one network address, counted by each process. */
  address: number;
  /** All requests of one account or machine, counted by each process. */
  principal: number;
  /** Orders placed from one guest's network address or by one account, counted exactly. */
  placement: number;
  /** Requests that verify a password or a link, or send a mail, counted exactly by network address and by caller. */
  login: number;
  /** Mails of one kind to one email address that are requested without authentication, counted exactly. */
  mailbox: number;
}

export interface RateLimit {
  /** Part of the `RateLimit` header. */
  name: string;
  /** Allowed in a window; 0: unlimited. */
  requests: number;
  windowMs: number;
  /**
   * `exactly`: in SQL, over all API processes. `per process`: in the memory of this process, so that n processes together
   * allow up to n times as many.
   */
  counted: 'exactly' | 'per process';
}

export interface RateLimitResult {
  allowed: boolean;
  limit: RateLimit;
  /** Requests left in this window. */
  remaining: number;
  /** Until the window ends. */
  resetMs: number;
}

export interface RateLimiterOptions {
  store: RateLimits;
  /** Callers are stored as keyed hashes: neither network nor email addresses are in the table. */
  hashKey: Buffer;
  log: Logger;
}

/** Callers counted in memory at once; the least recently counted one is evicted. */
const MAX_CALLERS = 50_000;
const CLEANUP_INTERVAL_MS = 60_000;

/**
 * Counts requests in windows of fixed length. Exact limits cost one SQL statement per allowed request; while the database
 * is unavailable they are counted per process.
 */
export class RateLimiter {
  private readonly memory = new RateLimiterMemory({ points: Number.MAX_SAFE_INTEGER, duration: 0 });
  /** Keys in `memory`, least recently counted first. */
  private readonly counted = new Set<string>();
  private nextCleanupAtMs = 0;

  constructor(private readonly options: RateLimiterOptions) {}

  async consume(limit: RateLimit, caller: string): Promise<RateLimitResult> {
    if (limit.requests === 0) return { allowed: true, limit, remaining: 0, resetMs: 0 };
    if (limit.counted === 'per process') return this.countInMemory(limit, caller);
    const known = await this.memory.get(toMemoryKey(limit, caller));
    if (known !== null && known.msBeforeNext > 0 && known.consumedPoints > limit.requests) {
      return toResult(limit, known.consumedPoints, known.msBeforeNext);
    }
    try {
      return await this.countInSql(limit, caller);
    } catch (error) {
      this.options.log.warn({ err: error }, 'exact rate limit unavailable, counting in this process only');
      return this.countInMemory(limit, caller);
    }
  }

  /** A window begins with a caller's first request. */
  private async countInMemory(limit: RateLimit, caller: string): Promise<RateLimitResult> {
    const key = toMemoryKey(limit, caller);
    const customDuration = limit.windowMs / 1_000;
    const { consumedPoints, msBeforeNext } = await this.memory.consume(key, 1, { customDuration });
    this.touch(key);
    return toResult(limit, consumedPoints, msBeforeNext);
  }

  private touch(key: string): void {
    this.counted.delete(key);
    this.counted.add(key);
    if (this.counted.size <= MAX_CALLERS) return;
    const [oldest = ''] = this.counted;
    this.counted.delete(oldest);
    void this.memory.delete(oldest);
  }

  /** Windows begin at whole multiples of their length, the same in every process. */
  private async countInSql(limit: RateLimit, caller: string): Promise<RateLimitResult> {
    const { store, hashKey } = this.options;
    const nowMs = Date.now();
    const endsAtMs = (Math.floor(nowMs / limit.windowMs) + 1) * limit.windowMs;
    const id = createHmac('sha256', hashKey)
      .update(JSON.stringify([limit.name, limit.windowMs, caller, endsAtMs]))
      .digest('hex');
    const consumed = await store.consume({ id, endsAtMs });
    this.removeExpired(nowMs);
    const result = toResult(limit, consumed, endsAtMs - nowMs);
    if (!result.allowed) await this.blockInMemory(result, consumed, caller);
    return result;
  }

  /** Further requests in this window are rejected without SQL. */
  private async blockInMemory({ limit, resetMs }: RateLimitResult, consumed: number, caller: string) {
    const key = toMemoryKey(limit, caller);
    await this.memory.set(key, consumed, resetMs / 1_000);
    this.touch(key);
  }

  /** In the background. A failure is logged; the next run removes the rows. */
  private removeExpired(nowMs: number): void {
    if (nowMs < this.nextCleanupAtMs) return;
    this.nextCleanupAtMs = nowMs + CLEANUP_INTERVAL_MS;
    const { store, log } = this.options;
    store
      .removeExpired(nowMs)
      .catch((error: unknown) => log.warn({ err: error }, 'expired rate limits not removed'));
  }
}

const toMemoryKey = ({ name }: RateLimit, caller: string): string => `${name} ${caller}`;

const toResult = (limit: RateLimit, consumed: number, resetMs: number): RateLimitResult => ({
  allowed: consumed <= limit.requests,
  limit,
  remaining: Math.max(0, limit.requests - consumed),
  resetMs,
});
