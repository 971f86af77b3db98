import { isIPv6 } from 'node:net';
import type { Request, RequestHandler, Response } from 'express';
import { Failure } from '../../domain/shared/failures';
import { actorOf } from './access';
import type { Operation } from './policies';
import type { Limit, RateLimiter, Verdict } from './rate-limiter';

/** Times a minute, but for those to a mailbox. */
export interface LimitSettings {
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
const STRICT: Partial<Record<Operation, 'placement' | 'login'>> = {
  'POST /api/orders': 'placement',
  'POST /api/auth/register': 'login',
  'POST /api/auth/confirm': 'login',
  'POST /api/auth/login': 'login',
  'POST /api/auth/password-reset': 'login',
  'POST /api/auth/password-reset/confirm': 'login',
  'POST /api/auth/password': 'login',
  'POST /api/me/erasure': 'login',
};

const limiters = new WeakMap<Request, { limiter: RateLimiter; settings: LimitSettings }>();

/** Counts every request by the address it comes from, before anything else is done for it. */
export const limitedByAddress =
  (limiter: RateLimiter, settings: LimitSettings): RequestHandler =>
  async (req, res, next) => {
    limiters.set(req, { limiter, settings });
    await count(req, res, limit('address', settings), addressOf(req));
    next();
  };

/**
 * Counts a request by who makes it, and by what it asks for where that is limited more strictly.
 * @throws Failure `too_many_requests`
 */
export async function limitOperation(req: Request, res: Response, operation: string): Promise<void> {
  const { settings } = settingsOf(req);
  const { kind, id: caller } = actorOf(req);
  if (caller !== undefined) await count(req, res, limit('principal', settings), caller);
  const strict = STRICT[operation as Operation];
  if (strict === undefined || (strict === 'placement' && kind === 'machine')) return;
  // A token must not buy more guesses: who has many would have as many times as many.
  if (strict === 'login' || caller === undefined)
    await count(req, res, limit(strict, settings), addressOf(req));
  if (caller !== undefined) await count(req, res, limit(strict, settings), caller);
}

/**
 * Whether one more mail of a kind may go to an address because somebody asks for it who has not shown that it is theirs.
 * Who asks is not told: their answer is the same for every address.
 */
export async function mayBeMailed(req: Request, kind: string, email: string): Promise<boolean> {
  const { limiter, settings } = settingsOf(req);
  const mailbox = { name: 'mailbox', requests: settings.mailbox, windowMs: HOUR_MS };
  return (await limiter.count(mailbox, `${kind} ${email}`)).allowed;
}

const limit = (name: Exclude<keyof LimitSettings, 'mailbox'>, settings: LimitSettings): Limit => ({
  name,
  requests: settings[name],
  windowMs: MINUTE_MS,
});

function settingsOf(req: Request) {
  const found = limiters.get(req);
  if (found === undefined) throw new Error('nobody counts the requests');
  return found;
}

async function count(req: Request, res: Response, limit: Limit, caller: string): Promise<void> {
  if (limit.requests === 0) return;
  const verdict = await settingsOf(req).limiter.count(limit, caller);
  tell(res, verdict);
  if (verdict.allowed) return;
  throw new Failure('too_many_requests', 'That is more than is served in a minute. Come back later.', {
    retryAfterSeconds: Math.max(1, Math.ceil(verdict.resetMs / 1_000)),
  });
}

/** Headers of draft-ietf-httpapi-ratelimit-headers-10: the limit, and what is left of it. The last one counted is told. */
function tell(res: Response, { limit, left, resetMs }: Verdict): void {
  res.set('RateLimit-Policy', `"${limit.name}";q=${limit.requests};w=${limit.windowMs / 1_000}`);
  res.set('RateLimit', `"${limit.name}";r=${left};t=${Math.ceil(resetMs / 1_000)}`);
}

/** A network gives each of its customers 2^64 addresses of IPv6: they count as one. */
export function addressOf(req: Request): string {
  const address = (req.ip ?? '').replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*$/, '');
  return isIPv6(address) ? network(address) : address;
}

/** The first half of an address of IPv6, written out. */
function network(address: string): string {
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
