import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Store } from '../../db/core/store';
import type { PriceRules } from '../../domain/pricing/price-rules';
import type { OrderPolicy } from '../../domain/shared/policy';
import type { Readiness } from '../../runtime/readiness';
import type { AuthDependencies } from '../../services/auth/auth-dependencies';
import type { OrderTokens } from '../../services/auth/tokens/order-tokens';
import type { TaskQueues } from '../../workflows/shared/task-queues';
import type { Authenticator } from './auth';
import type { Admission } from './limits/admission';
import type { RateLimiter } from './limits/rate-limiter';
import type { RateLimitSettings } from './limits/request-limits';

/** What the routes work with. */
export interface ApiContext {
  store: Store;
  temporal: Client;
  log: Logger;
  /** Where people look at workflows. */
  temporalUiUrl: string;
  /** Key of the hashes that tell one request body from another. */
  fingerprintKey: Buffer;
  authenticate: Authenticator;
  orderTokens: OrderTokens;
  identity: AuthDependencies;
  priceRules: PriceRules;
  queues: TaskQueues;
  policy: OrderPolicy;
  admission: Admission;
  rateLimiter: RateLimiter;
  rateLimits: RateLimitSettings;
  /** Whose word on where a request comes from is believed, as Express has it. */
  trustedProxies?: string | undefined;
  /** Milliseconds a placement waits for its decision unless the client says otherwise. */
  decisionWaitMs: number;
  /** Aborted a while after the process was told to stop: who still waits is answered with what is known. */
  shutdownSignal: AbortSignal;
  /** Whether orders can be taken at this moment. */
  readiness: () => Promise<Readiness>;
}
