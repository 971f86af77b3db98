import type { Client } from '@temporalio/client';
import { pino } from 'pino';
import type { ApiContext } from '../../../api/http/context';
import { Admission } from '../../../api/http/limits/admission';
import { RateLimiter } from '../../../api/http/limits/rate-limiter';
import type { Store } from '../../../db/core/store';
import { DEFAULT_PRICE_RULES } from '../../../domain/pricing/price-rules';
import { DEFAULT_ORDER_POLICY } from '../../../domain/shared/policy';
import type { AuthDependencies } from '../../../services/auth/auth-dependencies';
import { createAccessTokens } from '../../../services/auth/tokens/access-tokens';
import { createOrderTokens } from '../../../services/auth/tokens/order-tokens';
import { CatalogueCache } from '../../../services/catalogue/catalogue-cache';
import { PlacementDecisions } from '../../../services/orders/placement-decisions';
import { getTaskQueues } from '../../../workflows/shared/task-queues';

const log = pino({ level: 'silent' });
const NO_LIMITS = { address: 0, principal: 0, placement: 0, login: 0, mailbox: 0 };

/** An API context without a process. Store and Temporal client are stubs unless they are passed. */
export const createApiContext = (overrides: Partial<ApiContext> = {}): ApiContext => ({
  store: {} as Store,
  temporal: {} as Client,
  decisions: new PlacementDecisions(),
  eagerClient: () => undefined,
  log,
  temporalUiUrl: 'http://127.0.0.1',
  fingerprintKey: Buffer.alloc(32, 1),
  authenticate: async () => null,
  orderTokens: createOrderTokens(Buffer.alloc(32, 2)),
  auth: {
    accessTokens: createAccessTokens({ keys: [Buffer.alloc(32, 3)], issuer: 'test' }),
  } as AuthDependencies,
  priceRules: DEFAULT_PRICE_RULES,
  queues: getTaskQueues('single'),
  catalogueCache: new CatalogueCache((overrides.store ?? ({} as Store)).catalogueVersion),
  policy: DEFAULT_ORDER_POLICY,
  admission: new Admission({ placements: 1_000, waitingOrders: 1_000 }, async () => 0),
  rateLimiter: new RateLimiter({ store: {} as Store['rateLimits'], hashKey: Buffer.alloc(32, 3), log }),
  rateLimits: NO_LIMITS,
  decisionWaitMs: 10_000,
  shutdownSignal: new AbortController().signal,
  readiness: async () => ({ status: 'ready', checks: {}, missing: [] }),
  ...overrides,
});
