import { isIPv6 } from 'node:net';
import type { Request, RequestHandler, Response } from 'express';
import { AppError } from '../../../domain/shared/errors';
import { getActor } from '../auth';
import type { Operation } from '../policies';
import type { RateLimit, RateLimiter, RateLimitResult } from './rate-limiter';

/** Times a minute, but for those to a mailbox. */
export interface RateLimitSettings {
  /** Everything that comes from one address of the network. */
  address: number;
  /** Everything that one account or machine asks for. */
  principal: number;
  /** Orders placed by one guest's address or one account. */
  placement: number;
  /** Whatever takes a password or sends a mail to who asks, by one address of the network. */
  login: number;
  /** Mails of one kind that strangers may have sent to one address of mail, an hour. */
  mailbox: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** What is counted beside the rest, and more strictly. Machines place orders for many. */
const OPERATION_LIMITS: Partial<Record<Operation, 'placement' | 'login'>> = {
  'POST /api/orders': 'placement',
  'POST /api/auth/register': 'login',
  'POST /api/auth/confirm': 'login',
  'POST /api/auth/login': 'login',
  'POST /api/auth/password-reset': 'login',
  'POST /api/auth/password-reset/confirm': 'login',
  'POST /api/auth/password': 'login',
  'POST /api/me/erasure': 'login',
};

const limiterByRequest = new WeakMap<Request, { limiter: RateLimiter; settings: RateLimitSettings }>();

/** Counts every request by the address it comes from, before anything else is done for it. */
export const limitByIp =
  (limiter: RateLimiter, settings: RateLimitSettings): RequestHandler =>
  async (req, res, next) => {
    limiterByRequest.set(req, { limiter, settings });
    await consumeLimit(req, res, toRateLimit('address', settings), clientIp(req));
    next();
  };

/**
 * Counts a request by who makes it, and by what it asks for where that is limited more strictly.
 * @throws Failure `too_many_requests`
 */
export async function limitOperation(req: Request, res: Response, operation: string): Promise<void> {
  const { settings } = getLimiter(req);
  const { kind, id: caller } = getActor(req);
  if (caller !== undefined) await consumeLimit(req, res, toRateLimit('principal', settings), caller);
  const strict = OPERATION_LIMITS[operation as Operation];
  if (strict === undefined || (strict === 'placement' && kind === 'machine')) return;
  // A token must not buy more guesses: who has many would have as many times as many.
  if (strict === 'login' || caller === undefined)
    await consumeLimit(req, res, toRateLimit(strict, settings), clientIp(req));
  if (caller !== undefined) await consumeLimit(req, res, toRateLimit(strict, settings), caller);
}

/**
 * Whether one more mail of a kind may go to an address because somebody asks for it who has not shown that it is theirs.
 * Who asks is not told: their answer is the same for every address.
 */
export async function consumeMailboxQuota(req: Request, kind: string, email: string): Promise<boolean> {
  const { limiter, settings } = getLimiter(req);
  const mailbox = { name: 'mailbox', requests: settings.mailbox, windowMs: HOUR_MS };
  return (await limiter.consume(mailbox, `${kind} ${email}`)).allowed;
}

const toRateLimit = (
  name: Exclude<keyof RateLimitSettings, 'mailbox'>,
  settings: RateLimitSettings,
): RateLimit => ({
  name,
  requests: settings[name],
  windowMs: MINUTE_MS,
});

function getLimiter(req: Request) {
  const found = limiterByRequest.get(req);
  if (found === undefined) throw new Error('nobody counts the requests');
  return found;
}

async function consumeLimit(req: Request, res: Response, limit: RateLimit, caller: string): Promise<void> {
  if (limit.requests === 0) return;
  const verdict = await getLimiter(req).limiter.consume(limit, caller);
  setRateLimitHeaders(res, verdict);
  if (verdict.allowed) return;
  throw new AppError('too_many_requests', 'That is more than is served in a minute. Come back later.', {
    retryAfterSeconds: Math.max(1, Math.ceil(verdict.resetMs / 1_000)),
  });
}

/** Headers of draft-ietf-httpapi-ratelimit-headers-10: the limit, and what is left of it. The last one counted is told. */
function setRateLimitHeaders(res: Response, { limit, remaining, resetMs }: RateLimitResult): void {
  res.set('RateLimit-Policy', `"${limit.name}";q=${limit.requests};w=${limit.windowMs / 1_000}`);
  res.set('RateLimit', `"${limit.name}";r=${remaining};t=${Math.ceil(resetMs / 1_000)}`);
}

/** A network gives each of its customers 2^64 addresses of IPv6: they count as one. */
export function clientIp(req: Request): string {
  const address = (req.ip ?? '').replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*$/, '');
  return isIPv6(address) ? toIpv6Subnet(address) : address;
}

/** The first half of an address of IPv6, written out. */
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
