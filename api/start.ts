import { DEFAULT_ORDER_POLICY, type OrderPolicy } from '../domain/shared/policy';
import { waitingTasks } from '../integrations/temporal/connect';
import type { Foundation } from '../runtime/foundation';
import { type Life, STOP_GRACE_MS } from '../runtime/lifecycle';
import type { Readiness } from '../runtime/readiness';
import { createAccessTokens } from '../services/auth/access-tokens';
import { createAuthenticate } from '../services/auth/authenticate';
import type { Identity } from '../services/auth/identity';
import { createLinkTokens } from '../services/auth/link-tokens';
import { createOrderTokens } from '../services/auth/order-tokens';
import { createPasswords } from '../services/auth/passwords';
import { Admission } from './http/admission';
import { createApp } from './http/app';
import { listen } from './http/listen';
import { RateLimiter } from './http/rate-limiter';

/** What is left of the grace to those who are told to come back later. */
const ANSWERING_MS = 3_000;

/**
 * Serves the API until the process stops, whatever is missing meanwhile. @throws Error that names the port, when it is
 * taken.
 */
export async function startApi(
  { config, log, stopping, onStop }: Life,
  { store, temporal, queues }: Foundation,
  readiness: () => Promise<Readiness>,
  policy: OrderPolicy = DEFAULT_ORDER_POLICY,
): Promise<void> {
  const hurry = new AbortController();
  stopping.addEventListener('abort', () => {
    setTimeout(() => hurry.abort(), config.drainMs + STOP_GRACE_MS - ANSWERING_MS).unref();
  });
  const orderTokens = createOrderTokens(config.keys.orderTokens);
  const identity: Identity = {
    store,
    passwords: createPasswords(),
    accessTokens: createAccessTokens(config.auth),
    linkTokens: createLinkTokens(config.keys.oneTimeTokens),
    now: Date.now,
  };
  const app = createApp({
    store,
    temporal,
    log,
    temporalUiUrl: config.temporal.uiUrl,
    fingerprintKey: config.keys.fingerprint,
    authenticate: createAuthenticate({ store, accessTokens: identity.accessTokens, orderTokens }),
    orderTokens,
    identity,
    priceRules: config.priceRules,
    queues,
    policy,
    admission: new Admission(config.admission, () => waitingTasks(temporal, queues)),
    rateLimiter: new RateLimiter({ store: store.rateLimits, key: config.keys.callers, log }),
    rateLimits: config.rateLimits,
    trustedProxies: config.trustedProxies,
    decisionWaitMs: config.decisionWaitMs,
    hurry: hurry.signal,
    readiness,
  });
  const api = await listen(app, config.host, config.port);
  onStop('requests', () => api.stop(STOP_GRACE_MS));
  log.info({ url: api.url }, 'listening');
}
