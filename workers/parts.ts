import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { parseMailAddress } from '../integrations/smtp/mail-address';
import { createSmtpMailer } from '../integrations/smtp/mailer';
import { createStripeProvider } from '../integrations/stripe/stripe';
import { registerSearchAttributes } from '../integrations/temporal/connect';
import { ensureReconcileSchedule } from '../integrations/temporal/schedules';
import type { Foundation } from '../runtime/foundation';
import type { Life } from '../runtime/lifecycle';
import { databaseProbe } from '../runtime/readiness';
import { untilItWorks } from '../runtime/retry';
import { createLinkTokens } from '../services/auth/link-tokens';
import { DEFAULT_DELIVERY_POLICY, type DeliveryPolicy } from '../workflows/messages';
import { workflowBundle } from './bundle';
import { startImportKeeper } from './import-keeper';
import { startNotificationSubscriber } from './notification-subscriber';
import type { QueueName } from './queues';
import { startSequencer } from './sequencer';
import { type RunningWorkers, runWorkers, type WorkerParts } from './workers';

const PROVIDER_TIMEOUT_MS = 10_000;
const SMTP_TIMEOUT_MS = 10_000;

/**
 * Runs the workers of `queues` as soon as database and Temporal are there, until the process stops.
 * @param interceptors stand around every activity.
 * @returns whether they run, to be asked at any time; `started` rejects when the process is told to stop before they do.
 */
export function startWorkers(
  life: Life,
  foundation: Foundation,
  queues: readonly QueueName[],
  interceptors: ActivityInterceptorsFactory[] = [],
): { running: () => boolean; started: Promise<void> } {
  const { config, log } = life;
  const parts = { ...workerParts(life, foundation), interceptors };
  let workers: RunningWorkers | undefined;
  life.onStop('workers', async () => workers?.stop());

  const started = (async () => {
    const bundle = workflowBundle(log);
    // What is taken from a task queue before there are tables would only fail.
    await untilUsable(life, foundation);
    await untilItWorks('Temporal', life, () => registerSearchAttributes(foundation.temporal));
    const code = await bundle;
    workers = await untilItWorks('Temporal', life, () =>
      runWorkers(config.temporal, code, parts, foundation.queues, queues),
    );
    workers.finished.catch((error: unknown) => life.fail(error, 'a worker failed'));
    if (queues.includes('orders')) {
      await untilItWorks('Temporal', life, () =>
        ensureReconcileSchedule(foundation.temporal, {
          prefix: config.queues.prefix,
          taskQueue: foundation.queues.orders,
          everyMs: config.reconcileEveryMs,
        }),
      );
    }
    log.info({ queues }, 'workers run');
  })();
  return { running: () => workers?.state() === 'running', started };
}

/** Publishes events and hands notifications to their delivery: one process at work, the others stand by. */
export function startFollowers(
  life: Life,
  { store, temporal, queues, holder }: Foundation,
  policy: DeliveryPolicy = DEFAULT_DELIVERY_POLICY,
): void {
  const { log, config } = life;
  const delivery = { queue: queues.notifications, policy, staff: config.mail.staff.length };
  const loops = [
    startSequencer(store.feed, log, holder),
    startNotificationSubscriber(store, temporal, delivery, log, holder),
    startImportKeeper(store, temporal, queues.orders, log, holder),
  ];
  life.onStop('sequencer and subscriber', () => Promise.all(loops.map((loop) => loop.stop())));
}

/** Waits until the database answers and has all its tables. */
export async function untilUsable(life: Life, { store }: Foundation): Promise<void> {
  const probe = databaseProbe(store.db);
  await untilItWorks('database', life, async () => {
    const missing = await probe();
    if (missing !== null) throw new Error(missing);
  });
}

function workerParts({ config, onStop }: Life, { store }: Foundation): WorkerParts {
  const { payment, mail } = config;
  const mailer = createSmtpMailer({ ...mail, timeoutMs: SMTP_TIMEOUT_MS });
  onStop('mailer', () => mailer.close());
  const provider = createStripeProvider({
    apiKey: payment.apiKey,
    baseUrl: payment.apiUrl,
    timeoutMs: PROVIDER_TIMEOUT_MS,
  });
  const mailDomain = parseMailAddress(mail.from).address.split('@')[1] ?? 'localhost';
  const notification = {
    strangersPerHour: config.rateLimits.mailbox,
    shopName: mail.shopName,
    staff: mail.staff,
    shopUrl: config.shopUrl,
    mailDomain,
    linkTokens: createLinkTokens(config.keys.oneTimeTokens),
  };
  return { store, provider, mailer, notification };
}
