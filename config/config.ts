import { hkdfSync } from 'node:crypto';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { z } from 'zod';
import { DEFAULT_PRICE_RULES, type PriceRules } from '../domain/pricing/price-rules';
import { isEmailAddress } from '../domain/shared/email-address';
import { readPriceRules } from './price-rules';

/** The configuration of the system, read from the environment once, at start. */
export interface Config {
  host: string;
  port: number;
  dataDir: string;
  databaseUrl: string;
  temporal: { address: string; namespace: string; uiUrl: string };
  payment: { apiKey: string; apiUrl: string | undefined };
  /** `staff`: recipients of stock alerts; may be empty. */
  mail: { smtpUrl: string; from: string; shopName: string; staff: string[] };
  logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
  queues: { layout: 'single' | 'split'; prefix: string };
  keys: {
    audit: Buffer;
    fingerprint: Buffer;
    orderTokens: Buffer;
    rateLimits: Buffer;
    oneTimeTokens: Buffer;
  };
  /** Access tokens. The first secret signs, all verify. */
  auth: { issuer: string; keys: Buffer[] };
  /** Base URL of the links in mails, without a trailing slash. */
  shopUrl: string;
  /** Default time a placement waits for its decision. */
  decisionWaitMs: number;
  /** Currency, taxes and shipping. */
  priceRules: PriceRules;
  /** Above these limits placements get 503 with `Retry-After`. */
  admission: { placements: number; waitingOrders: number };
  /** Requests a minute per caller, and mails an hour per mailbox; 0: unlimited. */
  rateLimits: { address: number; principal: number; placement: number; login: number; mailbox: number };
  /** Express's `trust proxy`: proxies whose forwarding headers are trusted; undefined: none. */
  trustedProxies: string | undefined;
  /** Interval of reconciliation. */
  reconcileEveryMs: number;
  /** Port of `/healthz` and `/readyz`; undefined: none (the API has both on its own port). */
  healthPort: number | undefined;
  /** Time between readiness `not_ready` and the end of listening, in which a load balancer removes this process. */
  drainMs: number;
}

const portSchema = (fallback: number) => z.coerce.number().int().min(1).max(65_535).default(fallback);

const rateLimitSchema = (fallback: number) =>
  z.coerce.number().int().min(0).max(1_000_000_000).default(fallback);

const MAX_STAFF_EMAILS = 20;
const emailAddressesSchema = z
  .string()
  .transform((text) => text.split(',').map((address) => address.trim()))
  .refine(
    (addresses) => addresses.length <= MAX_STAFF_EMAILS && addresses.every(isEmailAddress),
    `must be at most ${MAX_STAFF_EMAILS} email addresses, separated by commas`,
  );

const NAMED_IP_RANGES = ['loopback', 'linklocal', 'uniquelocal'];
const MAX_PROXIES = 100;

/** Accepts a named range of Express, an address, or a network (`10.0.0.0/8`). */
function isProxyRange(text: string): boolean {
  const [address = '', length, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || address.includes('%') || rest.length > 0) return NAMED_IP_RANGES.includes(text);
  return (
    length === undefined || (/^[1-9]\d{0,2}$/.test(length) && Number(length) <= (version === 4 ? 32 : 128))
  );
}

// A number is rejected: Express would read it as the address 0.0.0.1, and count all clients behind a proxy as one.
const trustedProxiesSchema = z.string().refine(
  (text) => {
    const proxies = text.split(',');
    return proxies.length <= MAX_PROXIES && proxies.every((proxy) => isProxyRange(proxy.trim()));
  },
  `must be IP addresses, networks (10.0.0.0/8) or ${NAMED_IP_RANGES.join(', ')}, separated by commas`,
);

const environmentSchema = z.object({
  HOST: z.string().min(1).default('127.0.0.1'),
  PORT: portSchema(3000),
  DATA_DIR: z.string().min(1).default('.data'),
  DATABASE_URL: z
    .string()
    .regex(/^(mysql:\/\/|sqlite:)/, 'must begin with mysql:// or sqlite:')
    .optional(),
  TEMPORAL_ADDRESS: z.string().min(1).default('127.0.0.1:7233'),
  TEMPORAL_NAMESPACE: z.string().min(1).default('default'),
  TEMPORAL_UI_URL: z.url().default('http://127.0.0.1:8233'),
  STRIPE_API_KEY: z.string().min(1, 'must not be empty'),
  STRIPE_API_URL: z.url().optional(),
  SMTP_URL: z.string().regex(/^smtps?:\/\//, 'must begin with smtp:// or smtps://'),
  MAIL_FROM: z.string().min(3).default('Durable Orders <shop@orders.example>'),
  STAFF_MAIL: emailAddressesSchema.default([]),
  SHOP_NAME: z.string().min(1).default('Durable Orders'),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  TASK_QUEUES: z.enum(['single', 'split']).default('single'),
  TASK_QUEUE_PREFIX: z
    .string()
    .regex(/^[\w-]{0,64}$/, 'must be at most 64 letters, digits, dashes or underscores')
    .default(''),
  AUDIT_KEY: z.string().regex(/^[0-9a-fA-F]{64,}$/, 'must be at least 32 bytes in hexadecimal'),
  AUTH_ISSUER: z
    .string()
    .regex(/^[\x21-\x7e]{1,200}$/, 'must be printable ASCII without spaces')
    .optional(),
  AUTH_KEYS: z
    .string()
    .regex(
      /^(derived|[0-9a-fA-F]{64,})(,(derived|[0-9a-fA-F]{64,}))*$/,
      'must be secrets of at least 32 bytes in hexadecimal, or `derived`, separated by commas',
    )
    .default('derived'),
  SHOP_URL: z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).optional(),
  HEALTH_PORT: z.coerce.number().int().min(1).max(65_535).optional(),
  DRAIN_MS: z.coerce.number().int().min(0).max(60_000).default(0),
  PRICE_RULES_FILE: z.string().min(1).optional(),
  MAX_PLACEMENTS: z.coerce.number().int().min(1).default(256),
  MAX_WAITING_ORDERS: z.coerce.number().int().min(1).default(1_000),
  RATE_LIMIT_ADDRESS: rateLimitSchema(1_200),
  RATE_LIMIT_PRINCIPAL: rateLimitSchema(2_400),
  RATE_LIMIT_PLACEMENT: rateLimitSchema(60),
  RATE_LIMIT_LOGIN: rateLimitSchema(20),
  RATE_LIMIT_MAILBOX: rateLimitSchema(5),
  TRUSTED_PROXIES: trustedProxiesSchema.optional(),
  RECONCILE_EVERY_SECONDS: z.coerce.number().int().min(1).max(86_400).default(60),
  DECISION_WAIT_MS: z.coerce.number().int().min(0).max(60_000).default(20_000),
});

/** Names every invalid variable at once. Never contains a value, because it may be a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(readonly issues: string[]) {
    super(`The configuration is invalid:\n${issues.map((issue) => `  ${issue}`).join('\n')}`);
  }
}

/** @throws ConfigError */
export function parseConfig(env: Record<string, string | undefined>): Config {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = environmentSchema.safeParse(present);
  if (!parsed.success) {
    throw new ConfigError(
      parsed.error.issues.map((issue) => {
        const name = issue.path.join('.');
        return present[name] === undefined ? `${name} is not set` : `${name} ${issue.message}`;
      }),
    );
  }
  const e = parsed.data;
  const dataDir = resolve(e.DATA_DIR);
  const { accessTokens, ...keys } = deriveKeys(Buffer.from(e.AUDIT_KEY, 'hex'));
  return {
    host: e.HOST,
    port: e.PORT,
    dataDir,
    databaseUrl: e.DATABASE_URL ?? `sqlite:${resolve(dataDir, 'orders.db')}`,
    temporal: { address: e.TEMPORAL_ADDRESS, namespace: e.TEMPORAL_NAMESPACE, uiUrl: e.TEMPORAL_UI_URL },
    payment: { apiKey: e.STRIPE_API_KEY, apiUrl: e.STRIPE_API_URL },
    mail: { smtpUrl: e.SMTP_URL, from: e.MAIL_FROM, shopName: e.SHOP_NAME, staff: e.STAFF_MAIL },
    logLevel: e.LOG_LEVEL,
    queues: { layout: e.TASK_QUEUES, prefix: e.TASK_QUEUE_PREFIX },
    keys,
    auth: {
      issuer: e.AUTH_ISSUER ?? toSlug(e.SHOP_NAME),
      // `derived` names the default key, so that a deployment can rotate from it to another key.
      keys: e.AUTH_KEYS.split(',').map((secret) =>
        secret === 'derived' ? accessTokens : Buffer.from(secret, 'hex'),
      ),
    },
    shopUrl: (e.SHOP_URL ?? `http://127.0.0.1:${e.PORT}`).replace(/\/+$/, ''),
    priceRules: loadPriceRules(e.PRICE_RULES_FILE),
    decisionWaitMs: e.DECISION_WAIT_MS,
    reconcileEveryMs: e.RECONCILE_EVERY_SECONDS * 1_000,
    rateLimits: {
      address: e.RATE_LIMIT_ADDRESS,
      principal: e.RATE_LIMIT_PRINCIPAL,
      placement: e.RATE_LIMIT_PLACEMENT,
      login: e.RATE_LIMIT_LOGIN,
      mailbox: e.RATE_LIMIT_MAILBOX,
    },
    trustedProxies: e.TRUSTED_PROXIES,
    admission: { placements: e.MAX_PLACEMENTS, waitingOrders: e.MAX_WAITING_ORDERS },
    healthPort: e.HEALTH_PORT,
    drainMs: e.DRAIN_MS,
  };
}

function loadPriceRules(file: string | undefined): PriceRules {
  if (file === undefined) return DEFAULT_PRICE_RULES;
  try {
    return readPriceRules(file);
  } catch (error) {
    throw new ConfigError([`PRICE_RULES_FILE ${error instanceof Error ? error.message : String(error)}`]);
  }
}

export const loadConfig = (): Config => parseConfig(process.env);

/** Derives a separate key for each use of one secret (RFC 5869): a leaked key does not reveal the others. */
function deriveKeys(secret: Buffer): Config['keys'] & { accessTokens: Buffer } {
  const derive = (use: string) => Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), use, 32));
  return {
    audit: derive('event log'),
    fingerprint: derive('request fingerprint'),
    orderTokens: derive('order tokens'),
    rateLimits: derive('callers counted'),
    oneTimeTokens: derive('one-time tokens'),
    accessTokens: derive('access tokens'),
  };
}

/** `Durable Orders` → `durable-orders`. */
const toSlug = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '') || 'shop';
