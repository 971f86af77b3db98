import { type Client, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Store } from '../db/core/store';
import type { FeedEvent } from '../db/events/feed';
import { getMailKind, isForStaff } from '../domain/notifications/notification-rules';
import type { CloudEvent } from '../domain/shared/events';
import { notificationId } from '../domain/shared/ids';
import {
  DELIVERY_WORKFLOW,
  type DeliveryInput,
  type DeliveryPolicy,
} from '../workflows/notifications/messages';
import { type Loop, startLeasedLoop } from './leased-loop';

const SUBSCRIPTION = 'notifications';
/** More than a second of events at full load: each batch with emails costs a workflow. */
const BATCH_SIZE = 500;
const IDLE_MS = 1_000;

export interface SubscriberOptions {
  queue: string;
  policy: DeliveryPolicy;
  /** Number of staff addresses that receive staff notifications. */
  staffCount: number;
}

/**
 * Creates one notification per event, channel and recipient, and starts delivery workflows. The position advances last:
 * after a crash a batch is delivered again, and sent notifications are skipped.
 */
export function startNotificationSubscriber(
  { db, feed, notifications }: Store,
  client: Client,
  options: SubscriberOptions,
  log: Logger,
  instanceId: string,
): Loop {
  const runOnce = async (): Promise<boolean> => {
    const from = await feed.getPosition(SUBSCRIPTION);
    const events = await feed.findAfter(from, BATCH_SIZE);
    const to = events.at(-1)?.position;
    if (to === undefined) return false;
    const queued = events.flatMap((event) => toNotifications(event, options.staffCount));
    if (queued.length > 0) {
      await db.write((tx) => notifications.enqueue(queued, Date.now(), tx));
      await startDelivery(client, queued, options);
    }
    await db.write((tx) => feed.advancePosition(SUBSCRIPTION, to, tx));
    return events.length === BATCH_SIZE;
  };
  return startLeasedLoop({
    name: `subscriber:${SUBSCRIPTION}`,
    feed,
    log,
    instanceId,
    idleMs: IDLE_MS,
    runOnce,
  });
}

function toNotifications(event: FeedEvent, staffCount: number) {
  const { type, data } = JSON.parse(event.body) as CloudEvent;
  const kind = getMailKind(type, data);
  if (kind === null) return [];
  const channel = 'email' as const;
  const { subject, eventKey, hash } = event;
  return Array.from({ length: isForStaff(kind) ? staffCount : 1 }, (_, i) => {
    const recipient = i + 1;
    const id = notificationId(eventKey, channel, recipient);
    return { id, subject, eventKey, kind, channel, recipient, hash };
  });
}

/** Long enough to distinguish the events of two installations on one Temporal server. */
const HASH_PREFIX_LENGTH = 12;

/**
 * The workflow id identifies the batch. The hash separates installations that share a server: they may have the same
 * event keys of products, but never the same hashes.
 */
async function startDelivery(
  client: Client,
  queued: readonly { id: string; eventKey: string; hash: string }[],
  { queue, policy }: SubscriberOptions,
): Promise<void> {
  const [first] = queued;
  const workflowId = `deliver:${first?.eventKey}+${queued.length - 1}:${first?.hash.slice(0, HASH_PREFIX_LENGTH)}`;
  const notificationIds = queued.map((n) => n.id);
  const input: DeliveryInput = { notificationIds, queue, policy };
  try {
    await client.workflow.start(DELIVERY_WORKFLOW, {
      workflowId,
      taskQueue: queue,
      args: [input],
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      staticSummary: `${notificationIds.length} notifications`,
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
