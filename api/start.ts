import { DEFAULT_ORDER_POLICY, type OrderPolicy } from '../domain/shared/policy';
import { getBacklogCount } from '../integrations/temporal/connect';
import type { AppContext } from '../runtime/app-context';
import { type ProcessContext, STOP_GRACE_MS } from '../runtime/lifecycle';
import type { Readiness } from '../runtime/readiness';
import type { AuthDependencies } from '../services/auth/auth-dependencies';
import { createAuthenticator } from '../services/auth/authenticate';
import { createPasswords } from '../services/auth/passwords/passwords';
import { createAccessTokens } from '../services/auth/tokens/access-tokens';
import { createLinkTokens } from '../services/auth/tokens/link-tokens';
import { createOrderTokens } from '../services/auth/tokens/order-tokens';
import { CatalogueCache } from '../services/catalogue/catalogue-cache';
import { PlacementDecisions } from '../services/orders/placement-decisions';
import { createApp } from './http/app';
import type { ApiContext } from './http/context';
import { Admission } from './http/limits/admission';
import { RateLimiter } from './http/limits/rate-limiter';
import { listen } from './http/server';

/** Part of the grace period in which pending waits respond. */
const SHUTDOWN_RESPONSE_MS = 3_000;

/** The workers of orders in the same process, if there are any. */
export type LocalWorkers = Pick<ApiContext, 'decisions' | 'eagerClient'>;

const createNoWorkers = (): LocalWorkers => ({
  decisions: new PlacementDecisions(),
  eagerClient: () => undefined,
});

/** Serves the API until the process stops, also while dependencies are unavailable. @throws Error naming a port in use. */
export async function startApi(
  { config, log, stopSignal, onStop }: ProcessContext,
  { store, temporal, queues }: AppContext,
  readiness: () => Promise<Readiness>,
  { decisions, eagerClient }: LocalWorkers = createNoWorkers(),
  policy: OrderPolicy = DEFAULT_ORDER_POLICY,
): Promise<void> {
  const shutdown = new AbortController();
  stopSignal.addEventListener('abort', () => {
    setTimeout(() => shutdown.abort(), config.drainMs + STOP_GRACE_MS - SHUTDOWN_RESPONSE_MS).unref();
  });
  const orderTokens = createOrderTokens(config.keys.orderTokens);
  const auth: AuthDependencies = {
    store,
    passwords: createPasswords(),
    accessTokens: createAccessTokens(config.auth),
    linkTokens: createLinkTokens(config.keys.oneTimeTokens),
    now: Date.now,
  };
  const app = createApp({
    store,
    temporal,
    decisions,
    eagerClient,
    log,
    temporalUiUrl: config.temporal.uiUrl,
    fingerprintKey: config.keys.fingerprint,
    authenticate: createAuthenticator({ store, accessTokens: auth.accessTokens, orderTokens }),
    orderTokens,
    auth,
    priceRules: config.priceRules,
    catalogueCache: new CatalogueCache(store.catalogueVersion),
    queues,
    policy,
    admission: new Admission(
      config.admission,
      () => getBacklogCount(temporal, queues),
      () => decisions.countUndecidedEagerStarts(),
    ),
    rateLimiter: new RateLimiter({ store: store.rateLimits, hashKey: config.keys.rateLimits, log }),
    rateLimits: config.rateLimits,
    trustedProxies: config.trustedProxies,
    decisionWaitMs: config.decisionWaitMs,
    shutdownSignal: shutdown.signal,
    readiness,
  });
  const api = await listen(app, config.host, config.port);
  onStop('requests', () => api.stop(STOP_GRACE_MS));
  log.info({ url: api.url }, 'listening');
}
