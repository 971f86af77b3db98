import { ActivityFailure, CancellationScope, isCancellation, proxyActivities } from '@temporalio/workflow';
import type { NotificationActivities } from '../../activities/notifications/notifications';
import type { DeliveryInput } from './messages';

/** Sends a batch of notifications, for as long as the policy allows; what is left then counts as failed. */
export async function deliverNotifications({ notificationIds, queue, policy }: DeliveryInput): Promise<void> {
  const { sendNotifications } = proxyActivities<NotificationActivities>({
    taskQueue: queue,
    summary: `send ${notificationIds.length} notifications`,
    startToCloseTimeout: policy.attemptTimeoutMs,
    scheduleToCloseTimeout: policy.deadlineMs,
    // It tells after each message that it lives: one that died is noticed before its attempt is over.
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
    // The server repeats it while some could not be sent yet: a mail server that is away writes no history here.
    await sendNotifications(notificationIds);
  } catch (error) {
    // Cancelled before the activity was scheduled it is no failure of an activity.
    if (!(error instanceof ActivityFailure) && !isCancellation(error)) throw error;
    const why = isCancellation(error) ? 'cancelled' : 'deadline';
    await CancellationScope.nonCancellable(() => markNotificationsFailed(notificationIds, why));
  }
}
