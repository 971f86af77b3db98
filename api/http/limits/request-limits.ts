import { isIPv6 } from 'node:net';
import type { Request, Response } from 'express';
import type { Actor } from '../../../domain/orders/order';
import { AppError } from '../../../domain/shared/errors';
import type { ApiContext } from '../context';
import type { Endpoint } from '../endpoint';
import type { RateLimit, RateLimiter, RateLimitResult, RateLimitSettings } from './rate-limiter';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
type RequestLimitName = Exclude<keyof RateLimitSettings, 'mailbox'>;

const toRateLimit = (name: RequestLimitName, settings: RateLimitSettings): RateLimit => ({
  name,
  requests: settings[name],
  windowMs: MINUTE_MS,
  counted: name === 'address' || name === 'principal' ? 'per process' : 'exactly',
});

/** Counts every request by network address, before authentication. @throws AppError `too_many_requests` */
export function limitByAddress(
  limiter: RateLimiter,
  settings: RateLimitSettings,
): (req: Request, res: Response) => Promise<void> {
  const limit = toRateLimit('address', settings);
  return (req, res) => consumeLimit(limiter, limit, clientIp(req), res);
}

/** Counts a request by its caller and by the endpoint's own limit. @throws AppError `too_many_requests` */
export async function limitEndpoint(
  { rateLimiter, rateLimits }: ApiContext,
  { limit }: Endpoint,
  req: Request,
  res: Response,
  { kind, id: caller }: Actor,
): Promise<void> {
  const consume = (name: RequestLimitName, by: string) =>
    consumeLimit(rateLimiter, toRateLimit(name, rateLimits), by, res);
  if (caller !== undefined) await consume('principal', caller);
  // Machines place orders for many customers.
  if (limit === undefined || limit === 'none' || (limit === 'placement' && kind === 'machine')) return;
  // By address and by caller: neither several tokens nor several addresses allow more password guesses.
  if (limit === 'login' || caller === undefined) await consume(limit, clientIp(req));
  if (caller !== undefined) await consume(limit, caller);
}

/**
 * Whether one more unauthenticated mail of a kind may go to an email address. The response must not depend on the result:
 * it would reveal that the address is in use.
 */
export async function consumeMailboxQuota(
  { rateLimiter, rateLimits }: ApiContext,
  kind: string,
  email: string,
): Promise<boolean> {
  const mailbox: RateLimit = {
    name: 'mailbox',
    requests: rateLimits.mailbox,
    windowMs: HOUR_MS,
    counted: 'exactly',
  };
  return (await rateLimiter.consume(mailbox, `${kind} ${email}`)).allowed;
}

async function consumeLimit(
  limiter: RateLimiter,
  limit: RateLimit,
  caller: string,
  res: Response,
): Promise<void> {
  if (limit.requests === 0) return;
  const result = await limiter.consume(limit, caller);
  setRateLimitHeaders(res, result);
  if (result.allowed) return;
  throw new AppError(
    'too_many_requests',
    'The rate limit is exceeded. Retry after the time in Retry-After.',
    {
      retryAfterSeconds: Math.max(1, Math.ceil(result.resetMs / 1_000)),
    },
  );
}

/** Headers of draft-ietf-httpapi-ratelimit-headers-10, for the limit counted last. */
function setRateLimitHeaders(res: Response, { limit, remaining, resetMs }: RateLimitResult): void {
  res.setHeader('RateLimit-Policy', `"${limit.name}";q=${limit.requests};w=${limit.windowMs / 1_000}`);
  res.setHeader('RateLimit', `"${limit.name}";r=${remaining};t=${Math.ceil(resetMs / 1_000)}`);
}

/** The network address that is counted. Of IPv6 the /64: a network assigns its customers 2^64 addresses each. */
export function clientIp(req: Request): string {
  const address = (req.ip ?? '').replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*$/, '');
  return isIPv6(address) ? toIpv6Subnet(address) : address;
}

/** The first half of an IPv6 address, expanded. */
function toIpv6Subnet(address: string): string {
  const [head = '', tail] = address.split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const [front, back] = [groups(head), groups(tail ?? '')];
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - front.length - back.length);
  const all = [...front, ...Array.from({ length: zeros }, () => '0'), ...back];
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
