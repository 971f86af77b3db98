import { ActivityFailure, CancellationScope, isCancellation, proxyActivities } from '@temporalio/workflow';
import type { NotificationActivities } from '../../activities/notifications/notifications';
import type { DeliveryInput } from './messages';

/** Sends a batch of notifications until the deadline of the policy; marks the unsent ones as failed. */
export async function deliverNotifications({ notificationIds, queue, policy }: DeliveryInput): Promise<void> {
  const { sendNotifications } = proxyActivities<NotificationActivities>({
    taskQueue: queue,
    summary: `send ${notificationIds.length} notifications`,
    startToCloseTimeout: policy.attemptTimeoutMs,
    scheduleToCloseTimeout: policy.deadlineMs,
    // The activity sends a heartbeat after each message: a lost worker is detected before the attempt times out.
    heartbeatTimeout: '1m',
    retry: { initialInterval: policy.retryInitialMs, maximumInterval: policy.retryMaxMs },
  });
  const { markNotificationsFailed } = proxyActivities<NotificationActivities>({
    taskQueue: queue,
    summary: 'mark unsent notifications as failed',
    startToCloseTimeout: policy.attemptTimeoutMs,
    retry: { initialInterval: policy.retryInitialMs, maximumInterval: policy.retryMaxMs },
  });
  try {
    // The server retries while messages are unsent: an unavailable mail server adds no history events.
    await sendNotifications(notificationIds);
  } catch (error) {
    // A cancellation before the activity is scheduled is not an ActivityFailure.
    if (!(error instanceof ActivityFailure) && !isCancellation(error)) throw error;
    const reason = isCancellation(error) ? 'cancelled' : 'deadline';
    await CancellationScope.nonCancellable(() => markNotificationsFailed(notificationIds, reason));
  }
}
