import type { Client } from '@temporalio/client';
import type { NotificationOptions } from '../activities/notifications/notifications';
import { parseEmailAddress } from '../integrations/smtp/email-address';
import { createSmtpMailer } from '../integrations/smtp/mailer';
import { createStripeProvider } from '../integrations/stripe/stripe';
import { registerSearchAttributes } from '../integrations/temporal/connect';
import { ensureReconcileSchedule } from '../integrations/temporal/schedules';
import type { AppContext } from '../runtime/app-context';
import type { ProcessContext } from '../runtime/lifecycle';
import { createDatabaseProbe } from '../runtime/readiness';
import { retryUntilReady } from '../runtime/retry';
import { createLinkTokens } from '../services/auth/tokens/link-tokens';
import { DEFAULT_DELIVERY_POLICY, type DeliveryPolicy } from '../workflows/notifications/messages';
import { loadWorkflowBundle } from './bundle';
import { startImportRecovery } from './import-recovery';
import { startNotificationSubscriber } from './notification-subscriber';
import type { QueueName } from './queues';
import { type RunningWorkers, runWorkers, type WorkerDependencies } from './run-workers';
import { startSequencer } from './sequencer';

const PROVIDER_TIMEOUT_MS = 10_000;
const SMTP_TIMEOUT_MS = 10_000;

export interface StartedWorkers {
  /** The current state. */
  running: () => boolean;
  /** Rejects if the process stops before the workers start. */
  started: Promise<void>;
  /** See `RunningWorkers`. */
  eagerClient: () => Client | undefined;
}

/** Runs the workers of `queues` once the database and Temporal are available, until the process stops. */
export function startWorkers(
  context: ProcessContext,
  app: AppContext,
  queues: readonly QueueName[],
  hooks: Pick<WorkerDependencies, 'interceptors' | 'publishDecision'> = {},
): StartedWorkers {
  const { config, log } = context;
  const dependencies = { ...createWorkerDependencies(context, app), ...hooks };
  let workers: RunningWorkers | undefined;
  context.onStop('workers', async () => workers?.stop());

  const started = (async () => {
    const bundle = loadWorkflowBundle(log);
    // Tasks polled before the tables exist would fail.
    await waitForDatabase(context, app);
    await retryUntilReady('Temporal', context, () => registerSearchAttributes(app.temporal));
    const code = await bundle;
    workers = await retryUntilReady('Temporal', context, () =>
      runWorkers(config.temporal, code, dependencies, app.queues, queues),
    );
    workers.finished.catch((error: unknown) => context.fail(error, 'a worker failed'));
    if (queues.includes('orders')) {
      await retryUntilReady('Temporal', context, () =>
        ensureReconcileSchedule(app.temporal, {
          prefix: config.queues.prefix,
          taskQueue: app.queues.orders,
          intervalMs: config.reconcileEveryMs,
        }),
      );
    }
    log.info({ queues }, 'workers are running');
  })();
  return {
    running: () => workers?.state() === 'running',
    started,
    eagerClient: () => workers?.eagerClient(),
  };
}

/** Publishes events, delivers notifications and recovers imports. Active in one process at a time. */
export function startEventConsumers(
  context: ProcessContext,
  { store, temporal, queues, instanceId }: AppContext,
  policy: DeliveryPolicy = DEFAULT_DELIVERY_POLICY,
): void {
  const { log, config } = context;
  const delivery = { queue: queues.notifications, policy, staffCount: config.mail.staff.length };
  const loops = [
    startSequencer(store.feed, log, instanceId),
    startNotificationSubscriber(store, temporal, delivery, log, instanceId),
    startImportRecovery(store, temporal, queues.orders, log, instanceId),
  ];
  context.onStop('sequencer and subscriber', () => Promise.all(loops.map((loop) => loop.stop())));
}

/** Waits until the database responds and is migrated. */
export async function waitForDatabase(context: ProcessContext, { store }: AppContext): Promise<void> {
  const probe = createDatabaseProbe(store.db);
  await retryUntilReady('database', context, async () => {
    const missing = await probe();
    if (missing !== null) throw new Error(missing);
  });
}

function createWorkerDependencies(
  { config, onStop }: ProcessContext,
  { store }: AppContext,
): WorkerDependencies {
  const { payment, mail } = config;
  const mailer = createSmtpMailer({ ...mail, timeoutMs: SMTP_TIMEOUT_MS });
  onStop('mailer', () => mailer.close());
  const provider = createStripeProvider({
    apiKey: payment.apiKey,
    baseUrl: payment.apiUrl,
    timeoutMs: PROVIDER_TIMEOUT_MS,
  });
  const mailDomain = parseEmailAddress(mail.from).address.split('@')[1] ?? 'localhost';
  const notification: NotificationOptions = {
    unverifiedMailsPerHour: config.rateLimits.mailbox,
    shopName: mail.shopName,
    staffAddresses: mail.staff,
    shopUrl: config.shopUrl,
    mailDomain,
    linkTokens: createLinkTokens(config.keys.oneTimeTokens),
  };
  return { store, provider, mailer, notification };
}
