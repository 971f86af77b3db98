import { DEFAULT_ORDER_POLICY } from '../domain/policy';
import { DEFAULT_PRICE_RULES } from '../domain/pricing';
import type { Foundation } from '../process/foundation';
import { type Life, STOP_GRACE_MS } from '../process/lifecycle';
import type { Readiness } from '../process/readiness';
import { createApp } from './app';
import { listen } from './listen';

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
): Promise<void> {
  const hurry = new AbortController();
  stopping.addEventListener('abort', () => {
    setTimeout(() => hurry.abort(), config.drainMs + STOP_GRACE_MS - ANSWERING_MS).unref();
  });
  const app = createApp({
    store,
    temporal,
    log,
    temporalUiUrl: config.temporal.uiUrl,
    fingerprintKey: config.keys.fingerprint,
    priceRules: DEFAULT_PRICE_RULES,
    queues,
    policy: DEFAULT_ORDER_POLICY,
    decisionWaitMs: config.decisionWaitMs,
    hurry: hurry.signal,
    readiness,
  });
  const api = await listen(app, config.host, config.port);
  onStop('requests', () => api.stop(STOP_GRACE_MS));
  log.info({ url: api.url }, 'listening');
}
