import { hostname } from 'node:os';
import { createApp } from '../api/app';
import { listen } from '../api/listen';
import { type Config, loadConfig } from '../config/config';
import { createLogger } from '../config/logging';
import { connect } from '../db/connect';
import { createStore } from '../db/store';
import { DEFAULT_ORDER_POLICY } from '../domain/policy';
import { DEFAULT_PRICE_RULES } from '../domain/pricing';
import { parseMailAddress } from '../notifications/mail-address';
import { createSmtpMailer } from '../notifications/mailer';
import { createStripeProvider } from '../payments/stripe';
import { createTemporalClient, registerSearchAttributes } from '../temporal/connect';
import { bundleWorkflows } from '../workers/bundle';
import { startNotificationSubscriber } from '../workers/notification-subscriber';
import { installRuntime } from '../workers/runtime';
import { startSequencer } from '../workers/sequencer';
import { runWorkers } from '../workers/workers';
import { DEFAULT_DELIVERY_POLICY, taskQueues } from '../workflows/messages';

const STOP_GRACE_MS = 10_000;
const PROVIDER_TIMEOUT_MS = 10_000;
const SMTP_TIMEOUT_MS = 10_000;

/** The whole system in one process: API, workers, sequencer, subscriber. @returns how to stop it. */
async function start(config: Config): Promise<() => Promise<void>> {
  const log = createLogger(config.logLevel, 'orders');
  installRuntime(log);
  const db = connect({ url: config.databaseUrl });
  const store = createStore(db, config.keys.audit);
  const temporal = createTemporalClient(config.temporal);
  const queues = taskQueues(config.queues.layout, config.queues.prefix);
  const mailer = createSmtpMailer({ ...config.mail, timeoutMs: SMTP_TIMEOUT_MS });

  const [bundle] = await Promise.all([bundleWorkflows(log), registerSearchAttributes(temporal)]);
  const workers = await runWorkers(
    config.temporal,
    bundle,
    {
      store,
      provider: createStripeProvider({
        apiKey: config.payment.apiKey,
        baseUrl: config.payment.apiUrl,
        timeoutMs: PROVIDER_TIMEOUT_MS,
      }),
      mailer,
      notification: { shopName: config.mail.shopName, mailDomain: domainOf(config.mail.from) },
    },
    queues,
  );
  const holder = `${hostname()}:${process.pid}`;
  const loops = [
    startSequencer(store.feed, log, holder),
    startNotificationSubscriber(
      store,
      temporal,
      { queue: queues.notifications, policy: DEFAULT_DELIVERY_POLICY },
      log,
      holder,
    ),
  ];
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
    workersRunning: () => workers.state() === 'running',
  });
  const api = await listen(app, config.host, config.port);
  log.info({ url: api.url }, 'ready');
  workers.finished.catch((error: unknown) => {
    log.fatal({ err: error }, 'a worker failed');
    process.exit(1);
  });

  return async () => {
    // First no new work, then the work under way, then what it stands on.
    await api.stop(STOP_GRACE_MS);
    await Promise.all(loops.map((loop) => loop.stop()));
    await workers.stop();
    await mailer.close();
    await temporal.connection.close();
    await db.close();
    log.info('stopped');
  };
}

const domainOf = (from: string): string => parseMailAddress(from).address.split('@')[1] ?? 'localhost';

async function main(): Promise<void> {
  const stop = await start(loadConfig());
  let stopping = false;
  const onSignal = () => {
    if (stopping) return;
    stopping = true;
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
