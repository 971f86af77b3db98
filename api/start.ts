import { DEFAULT_ORDER_POLICY, type OrderPolicy } from '../domain/policy';
import { createAccessTokens } from '../identity/access-tokens';
import { createAuthenticate } from '../identity/authenticate';
import type { Identity } from '../identity/identity';
import { createLinkTokens } from '../identity/link-tokens';
import { createOrderTokens } from '../identity/order-tokens';
import { createPasswords } from '../identity/passwords';
import type { Foundation } from '../process/foundation';
import { type Life, STOP_GRACE_MS } from '../process/lifecycle';
import type { Readiness } from '../process/readiness';
import { waitingTasks } from '../temporal/connect';
import { Admission } from './admission';
import { createApp } from './app';
import { listen } from './listen';
import { RateLimiter } from './rate-limiter';

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
