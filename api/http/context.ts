import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Store } from '../../db/core/store';
import type { PriceRules } from '../../domain/pricing/price-rules';
import type { OrderPolicy } from '../../domain/shared/policy';
import type { Readiness } from '../../runtime/readiness';
import type { AuthDependencies } from '../../services/auth/auth-dependencies';
import type { OrderTokens } from '../../services/auth/tokens/order-tokens';
import type { CatalogueCache } from '../../services/catalogue/catalogue-cache';
import type { PlacementDecisions } from '../../services/orders/placement-decisions';
import type { TaskQueues } from '../../workflows/shared/task-queues';
import type { Authenticator } from './auth';
import type { Admission } from './limits/admission';
import type { RateLimiter, RateLimitSettings } from './limits/rate-limiter';

/** Dependencies of the endpoints. */
export interface ApiContext {
  store: Store;
  temporal: Client;
  /** Decisions that the workers of this process commit. */
  decisions: PlacementDecisions;
  /** See `OrderStartDependencies`. */
  eagerClient: () => Client | undefined;
  log: Logger;
  /** Base URL of the Temporal Web UI, for links. */
  temporalUiUrl: string;
  /** Key of the hashes by which request bodies are compared. */
  fingerprintKey: Buffer;
  authenticate: Authenticator;
  orderTokens: OrderTokens;
  auth: AuthDependencies;
  priceRules: PriceRules;
  catalogueCache: CatalogueCache;
  queues: TaskQueues;
  policy: OrderPolicy;
  admission: Admission;
  rateLimiter: RateLimiter;
  rateLimits: RateLimitSettings;
  /** Proxies whose `X-Forwarded-For` is trusted, in Express's syntax. */
  trustedProxies?: string | undefined;
  /** How long a placement waits for its decision by default. */
  decisionWaitMs: number;
  /** Aborted shortly before the process exits: pending waits then respond with the current state. */
  shutdownSignal: AbortSignal;
  /** Whether the system can accept orders now. */
  readiness: () => Promise<Readiness>;
}
